"""Validates, plans, applies and verifies one deployment; knows nothing of order or retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semantest_iac.domain.blueprints.account import account
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.rest_api import rest_api
from semantest_iac.domain.blueprints.websocket import websocket
from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.deployment.packaging import packaged
from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.verification import verified
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
from semantest_iac.domain.ports.provisioner import Applied, Progress, Provisioner, Publish, Removal, Work
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac_events.values import ChangeCounts, HealthAnswer

BLUEPRINTS: Mapping[str, Callable[[Stack, int, ComponentSettings], Blueprint]] = {
    "rest-api": rest_api,
    "websocket": websocket,
    "account": account,
}
"""The components that can be deployed, by name."""


class DeploymentService:
    """What can be done with one deployment, one method each; raises DeploymentError."""

    def __init__(self, provisioner: Provisioner, artifacts: ArtifactBuilder, probe: ServiceProbe) -> None:
        self._provisioner = provisioner
        self._artifacts = artifacts
        self._probe = probe

    def blueprint(self, stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
        """The resource graph; raises ValidationError for a component that has none."""
        if faults := unsupported(stack.component):
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        return BLUEPRINTS[stack.component](stack, generation, settings)

    def package(self, stack: Stack, settings: ComponentSettings) -> Artifact | None:
        """Build what the functions run, if there are any; the same source is built once. Blocks."""
        return packaged(self._artifacts, stack, settings)

    async def plan(self, work: Work) -> ChangePlan:
        """What applying the work would do."""
        return await self._provisioner.preview(work)

    async def apply(self, work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Applied:
        """Do what was planned."""
        return await self._provisioner.apply(work, plan, publish, progress)

    async def publish_code(self, work: Work, applied: Applied, publish: Publish, progress: Progress) -> Applied:
        """Bring the package to where the plan lacks it, and do what waited for that; then all that was done."""
        return await self._provisioner.publish_code(work, applied, publish, progress)

    async def verify(self, stack: Stack, settings: ComponentSettings) -> HealthAnswer | None:
        """Ask the service as a client would, if there is one; raises VerificationError unless it is well."""
        return await verified(self._probe, stack, settings)

    async def plan_removal(self, stack: Stack) -> ChangePlan:
        """What removing the stack would delete."""
        return await self._provisioner.preview_removal(stack)

    async def remove(self, removal: Removal, publish: Publish, progress: Progress) -> ChangeCounts:
        """Delete everything of the stack."""
        return await self._provisioner.remove(removal, publish, progress)


def unsupported(component: str) -> tuple[Fault, ...]:
    """The fault of a component that nobody has written a blueprint for."""
    if component in BLUEPRINTS:
        return ()
    return (Fault("component", f"'{component}' cannot be deployed", f"Available: {', '.join(BLUEPRINTS)}."),)
