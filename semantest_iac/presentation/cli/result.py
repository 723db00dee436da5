"""How a deployment ended, as a person or a program is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.errors import DeploymentError, Fault

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac_events.values import HealthAnswer

OPERATIONS = ("create", "update", "replace", "delete", "same")


def nothing_done(stack: str, state: str) -> dict[str, Any]:
    """The last line of `--json` where there was no deployment."""
    changes = dict.fromkeys(OPERATIONS, 0)
    told = {"deployment": None, "stack": stack, "state": state, "changes": changes}
    return told | {"outputs": {}, "endpoint": None, "duration_s": 0.0}


@dataclass(frozen=True, slots=True)
class Result:
    """What is on record, what the service said, and the seconds that the person waited."""

    row: DeploymentRow
    health: HealthAnswer | None
    seconds: float

    @property
    def failure(self) -> DeploymentError:
        """Why it did not end well."""
        told = self.row.error or {}
        left = [Fault("left over", name) for name in told.get("remainder", ())]
        ways = [Fault("run", command) for command in told.get("commands", ())]
        message = told.get("message", f"It ended {self.row.state}.")
        return DeploymentError(message, hint=told.get("hint", ""), faults=[*left, *ways])

    def as_dict(self) -> dict[str, Any]:
        """The last line of `--json`; `error` is there only where there is one."""
        row = self.row
        answer: dict[str, Any] = {
            "deployment": row.deployment,
            "stack": row.stack,
            "kind": row.kind,
            "state": str(row.state),
            "changes": {**dict.fromkeys(OPERATIONS, 0), **row.changes},
            "outputs": dict(row.outputs),
            "endpoint": row.endpoint,
            "health": self.health.model_dump() if self.health else None,
            "duration_s": round(self.seconds, 3),
        }
        return answer | ({"error": dict(row.error)} if row.error else {})
