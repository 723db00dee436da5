"""Versions that share the traffic of a stack: which ones, and what becomes of the new one when a person decides."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.operators.stack_decisions import decide_about_run
from semantest_iac.application.operators.user_names import require_user_name
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, NewEvent
from semantest_iac.application.ports.run_queue import RunQueue
from semantest_iac.application.queries.history import require_row
from semantest_iac.domain.delivery.canary import RequestedShift
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.traffic_shifts import is_shifting, request_shift
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.instants import format_instant
from semantest_iac_events.deployments import TrafficShifted
from semantest_iac_events.event import Event


@dataclass(frozen=True, slots=True)
class SharedTraffic:
    """The share of the traffic that the new version of a deployment has, as it was recorded last."""

    kind: str
    shifted: TrafficShifted

    @property
    def deployment(self) -> str:
        return self.shifted.deployment_id

    @property
    def stack(self) -> str:
        return self.shifted.stack

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        until = self.shifted.until
        return {"weight": self.shifted.weight, "until": format_instant(until) if until else None}


class SharedTrafficDecisions:
    """Records what people decide about new versions that have a share of the traffic."""

    def __init__(self, ledger: LedgerReader, queue: RunQueue, encode: Callable[[Event], NewEvent]) -> None:
        self._ledger = ledger
        self._queue = queue
        self._encode = encode

    def list_shared(self, stacks: Collection[str] | None = None) -> list[SharedTraffic]:
        """Return the new versions of these stacks (None: of all) that have a share, in the order of their requests."""
        runs = self._queue.list_runs(stacks)
        found = (read_deployment(self._ledger, run.deployment) for run in runs if run.state != "waiting")
        return [shared for deployment in found if deployment and (shared := _find_share(deployment))]

    async def decide(self, deployment: str, shift: RequestedShift, by: str, reason: str = "") -> DeploymentRow:
        """Record that a new version gets all of the traffic, or none; whoever carries the deployment out follows.

        Raises NotFoundError for an unknown deployment, InvalidStateError where no traffic is shared, RefusedError where
        nobody works on it.
        """
        require_user_name(by)
        stack = self._require_row(deployment).stack
        await decide_about_run(
            self._ledger,
            self._queue,
            deployment,
            lambda: [self._encode(request_shift(self._require_shared(deployment), shift, by, reason))],
            stack=stack,
            not_queued_hint="Deploy again: the new version then gets all of the traffic.",
        )
        return self._require_row(deployment)

    def _require_shared(self, deployment: str) -> Deployment:
        found = read_deployment(self._ledger, deployment)
        if found is None:
            raise NotFoundError(f"Cannot find deployment '{deployment}': it was refused when it was requested.")
        return found

    def _require_row(self, deployment: str) -> DeploymentRow:
        return require_row(
            self._ledger,
            deployment,
            "`semantest-iac status` names the deployments whose new version has a share of the traffic.",
        )


def _find_share(deployment: Deployment) -> SharedTraffic | None:
    shifted = deployment.shifted
    return SharedTraffic(deployment.kind, shifted) if shifted and is_shifting(deployment) else None
