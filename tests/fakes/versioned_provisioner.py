"""The fake engine as one whose functions have versions, and what measures the traffic of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import ApplyResult, PublishSettled, ReportProgress, Work, ignore_progress
from tests.fakes.provisioner import FakeProvisioner

_KINDS = {
    "function": "urn:semantest:compute:ServerlessFunction$fake::function",
    "live": "urn:semantest:delivery:LiveVersion$fake::live",
}


class VersionedProvisioner(FakeProvisioner):
    """Says in its outputs which version is live, and remembers each share that it was to give to a new one."""

    live = "1"
    shares: list[tuple[str, int]]

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        return await super().preview(_without_kept_versions(work), progress)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        applied = await super().apply(_without_kept_versions(work), plan, publish, progress)
        [live] = [it for it in work.blueprint.resources if isinstance(it, LiveVersion)]
        self.__dict__.setdefault("shares", []).append((live.version, live.new_share))
        return replace(applied, outputs={**applied.outputs, "function_version": live.version or self.live})

    def _difference(self, stack: str, wanted: Mapping[str, str]) -> ChangePlan:
        plan = super()._difference(stack, wanted)
        return replace(plan, resources=tuple(replace(it, urn=_KINDS.get(it.name, it.urn)) for it in plan.resources))


def _without_kept_versions(work: Work) -> Work:
    """Return the work for a cloud with versions, whose functions are the newest code whatever is live."""
    resources = tuple(
        replace(it, kept_version="") if isinstance(it, ServerlessFunction) else it for it in work.blueprint.resources
    )
    return replace(work, blueprint=replace(work.blueprint, resources=resources))


@dataclass
class FakeTraffic:
    """Observes what a test says; without more observations the last one stays."""

    observations: list[TrafficObservation | DeploymentError] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    prepared: int = 0

    async def prepare(self, stack: Stack) -> None:
        self.prepared += 1

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        self.asked.append(since)
        found = self.observations.pop(0) if len(self.observations) > 1 else self.observations[0]
        if isinstance(found, DeploymentError):
            raise found
        return found
