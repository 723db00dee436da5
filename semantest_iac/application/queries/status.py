"""What is there now: the newest deployment of each stack, and what the last good one left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, StackRow
from semantest_iac.domain.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class StackFilter:
    """Which stacks an answer is about; a part that is None is met by every stack."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None

    def matches(self, stack: str) -> bool:
        """Whether a stack of this name is meant."""
        wanted = (self.component, self.provider, self.environment, self.region)
        if wanted == (None, None, None, None):
            return True
        parts = stack.split(".")
        return len(parts) == len(wanted) and all(want in (None, part) for want, part in zip(wanted, parts, strict=True))


EVERY_STACK = StackFilter()


def status(reader: LedgerReader, stack_filter: StackFilter = EVERY_STACK) -> list[dict[str, Any]]:
    """The newest deployment of each stack, newest first, with the endpoint and outputs that are live."""
    newest = [row for row in reader.newest() if stack_filter.matches(row.stack)]
    stacks = {row.stack: row for row in reader.stacks()}  # read later, so it holds them all
    return [as_dict(row) | _live(stacks[row.stack]) for row in newest]


def outputs(reader: LedgerReader, stack: str) -> dict[str, Any]:
    """The outputs of the stack's last good deployment; raises NotFoundError when there is none."""
    row = reader.stack(stack)
    if row.last_good is None:
        raise NotFoundError(
            f"Cannot read outputs of stack '{stack}': it has no completed deployment.",
            hint="`semantest-iac status` lists the stacks that were deployed.",
        )
    return dict(row.outputs)


def as_dict(row: DeploymentRow) -> dict[str, Any]:
    """A deployment in the shape of `--json`; `error` is there only where there is one."""
    answer: dict[str, Any] = {
        "deployment": row.deployment,
        "stack": row.stack,
        "kind": row.kind,
        "state": str(row.state),
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "changes": dict(row.changes),
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
    }
    return answer | ({"error": dict(row.error)} if row.error is not None else {})


def _live(row: StackRow) -> dict[str, Any]:
    return {
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
        "generation": row.generation,
        "last_good": row.last_good,
    }
