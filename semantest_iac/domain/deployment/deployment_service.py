"""Validates, plans, applies and verifies one deployment; knows nothing of order or retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.rest_api import HEALTH, rest_api
from semantest_iac.domain.blueprints.websocket import websocket
from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.deployment.packaging import packaged
from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, ValidationError, VerificationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
from semantest_iac.domain.ports.provisioner import Applied, Progress, Provisioner, Publish, Removal, Work
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac_events.values import ChangeCounts, HealthAnswer

BLUEPRINTS: Mapping[str, Callable[[Stack, int, ComponentSettings], Blueprint]] = {
    "rest-api": rest_api,
    "websocket": websocket,
}
"""The components that can be deployed, by name."""

HEALTH_PATH = HEALTH.path
_LONGEST_BODY, _LONGEST_WORDS = 2000, 500  # characters that an event keeps


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

    def package(self, stack: Stack, settings: ComponentSettings) -> Artifact:
        """Build what the functions run; the same source is built once. Blocks."""
        return packaged(self._artifacts, stack, settings)

    async def plan(self, work: Work) -> ChangePlan:
        """What applying the work would do."""
        return await self._provisioner.preview(work)

    async def apply(self, work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Applied:
        """Do what was planned."""
        return await self._provisioner.apply(work, plan, publish, progress)

    async def publish_code(self, work: Work, publish: Publish, progress: Progress) -> None:
        """Bring the package to where the plan lacks it."""
        await self._provisioner.publish_code(work, publish, progress)

    async def verify(self, stack: Stack) -> HealthAnswer:
        """Call the health path through the real endpoint; raises VerificationError unless it answers 2xx."""
        answer = await self._probe.call(stack, HttpRequest("GET", HEALTH_PATH))
        body = answer.response.body.decode(errors="replace")
        health = HealthAnswer(path=HEALTH_PATH, status=answer.response.status, body=_kept(body, _LONGEST_BODY))
        if not 200 <= health.status < 300:
            last_words = answer.logs.strip().splitlines()[-1:] or ["nothing in the log"]
            raise VerificationError(
                f"Cannot verify '{stack}': GET {HEALTH_PATH} answered {health.status}.",
                hint=f"The function's last words: {_kept(last_words[0], _LONGEST_WORDS)}",
            )
        return health

    async def plan_removal(self, stack: Stack) -> ChangePlan:
        """What removing the stack would delete."""
        return await self._provisioner.preview_removal(stack)

    async def remove(self, removal: Removal, publish: Publish, progress: Progress) -> ChangeCounts:
        """Delete everything of the stack."""
        return await self._provisioner.remove(removal, publish, progress)


def _kept(text: str, longest: int) -> str:
    """Whole or not at all: of a secret that was cut in two, nobody would know the half."""
    return text if len(text) <= longest else f"({len(text)} characters)"


def unsupported(component: str) -> tuple[Fault, ...]:
    """The fault of a component that nobody has written a blueprint for."""
    if component in BLUEPRINTS:
        return ()
    return (Fault("component", f"'{component}' cannot be deployed", f"Available: {', '.join(BLUEPRINTS)}."),)
