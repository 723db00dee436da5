"""Builds blueprints and packages for deployments, previews them and verifies the deployed service."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import (
    AUTHORIZER_REF,
    HEALTH_ENDPOINT,
    build_account,
    build_rest_api,
    build_websocket,
)
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, ValidationError, VerificationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder, FunctionApp, FunctionSource
from semantest_iac.domain.ports.provisioner import Provisioner, Work
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac_events.values import HealthAnswer

_BUNDLED_SERVICES = {"websocket": "websocket_service"}
_DEFAULT_BUNDLED_SERVICE = "health_service"


def build_package(builder: ArtifactBuilder, stack: Stack, settings: ComponentSettings) -> Artifact | None:
    """Build the package of the main function with its companions; None for a stack without code.

    Blocks; raises ArtifactError.
    """
    app = find_function_sources(stack, settings)
    if app is None:
        return None
    artifact = builder.build(app.main)
    companions = {purpose: builder.build(source) for purpose, source in app.companions.items()}
    return replace(artifact, companions=companions) if companions else artifact


def find_function_sources(stack: Stack, settings: ComponentSettings) -> FunctionApp | None:
    """Return the sources of the stack's functions; None for a stack without code.

    A WebSocket API that requires tokens has a bundled function that checks them, whatever language its own code is in.
    """
    if not stack.is_service:
        return None
    main = FunctionSource(
        folder=Path(settings.source) if settings.source else None,
        entry=settings.entry or "",
        handler=settings.handler or "",
        runtime=settings.runtime or "",
        provider=stack.provider,
        package=settings.package,
        bundled=_BUNDLED_SERVICES.get(stack.component, _DEFAULT_BUNDLED_SERVICE),
    )
    if stack.component != "websocket" or not settings.requires_token:
        return FunctionApp(main)
    return FunctionApp(main, {AUTHORIZER_REF: FunctionSource(provider=stack.provider, bundled="websocket_authorizer")})


HEALTH_PATH = HEALTH_ENDPOINT.path
HELLO_MESSAGE, HEARTBEAT_MESSAGE = {"type": "authenticate", "clientType": "cli"}, {"type": "heartbeat"}
CONNECTION_ACCEPTED, CONNECTION_UNAUTHORIZED = 101, 401
_LONGEST_BODY, _LONGEST_LOG_LINE = 2000, 500  # characters that an event keeps


async def verify_service(probe: ServiceProbe, stack: Stack, settings: ComponentSettings) -> HealthAnswer | None:
    """Return the service's health, None for a stack without a service.

    Raises VerificationError if it is not healthy.
    """
    if not stack.is_service:
        return None
    return await _HEALTH_CHECKS.get(stack.component, _check_http)(probe, stack, bool(settings.source))


async def _check_http(probe: ServiceProbe, stack: Stack, has_own_source: bool) -> HealthAnswer:
    answer = await probe.call(stack, HttpRequest("GET", HEALTH_PATH))
    body = answer.response.body.decode(errors="replace")
    health = HealthAnswer(path=HEALTH_PATH, status=answer.response.status, body=_omit_if_long(body, _LONGEST_BODY))
    if not 200 <= health.status < 300:
        raise _verification_error(stack, f"GET {HEALTH_PATH} answered {health.status}", answer.logs)
    return health


async def _check_web_socket(probe: ServiceProbe, stack: Stack, has_own_source: bool) -> HealthAnswer:
    """Require that a client is admitted and a heartbeat answered.

    A service with its own source may speak another protocol: it must accept the messages and may stay silent. Where the
    probe has no token, the request for one counts as healthy.
    """
    conversation = await probe.converse(stack, [json.dumps(message) for message in (HELLO_MESSAGE, HEARTBEAT_MESSAGE)])
    status, note = conversation.status, conversation.note
    if status == CONNECTION_UNAUTHORIZED and note:
        return HealthAnswer(path="$connect", status=status, body=note)
    if status != CONNECTION_ACCEPTED:
        raise _verification_error(stack, f"a connection ended with {status}", conversation.logs)
    if not any(conversation.received) and not has_own_source:
        raise _verification_error(stack, "a heartbeat was not answered", conversation.logs)
    last = conversation.received[-1] if conversation.received else ""
    return HealthAnswer(path="$connect", status=status, body=_omit_if_long(last, _LONGEST_BODY))


_HEALTH_CHECKS: Mapping[str, Callable[[ServiceProbe, Stack, bool], Awaitable[HealthAnswer]]] = {
    "websocket": _check_web_socket
}


def _verification_error(stack: Stack, what: str, logs: str) -> VerificationError:
    last_words = logs.strip().splitlines()[-1:] or ["nothing in the log"]
    hint = f"Last line of the function's log: {_omit_if_long(last_words[0], _LONGEST_LOG_LINE)}"
    return VerificationError(f"Cannot verify '{stack}': {what}.", hint=hint)


def _omit_if_long(text: str, longest: int) -> str:
    """Return the text whole or not at all: redaction would not recognise half of a secret."""
    return text if len(text) <= longest else f"({len(text)} characters)"


BLUEPRINTS: Mapping[str, Callable[[Stack, int, ComponentSettings], Blueprint]] = {
    "rest-api": build_rest_api,
    "websocket": build_websocket,
    "account": build_account,
}
"""Functions that build the blueprint of a component, by component."""


class DeploymentService:
    """Packages, previews and verifies one deployment; raises DeploymentError."""

    def __init__(self, provisioner: Provisioner, artifacts: ArtifactBuilder, probe: ServiceProbe) -> None:
        self.provisioner = provisioner
        self._artifacts = artifacts
        self._probe = probe

    def package(self, stack: Stack, settings: ComponentSettings) -> Artifact | None:
        """Build the package of the stack's functions, None for a stack without code. Blocks.

        Raises ArtifactError, also for a package that could not run where the service is checked.
        """
        artifact = build_package(self._artifacts, stack, settings)
        if artifact:
            self._probe.check_package(artifact)
        return artifact

    async def plan(
        self, deployment: str, stack: Stack, generation: int, settings: ComponentSettings, artifact: Artifact | None
    ) -> tuple[Work, ChangePlan]:
        """Build the blueprint and preview it; raises ValidationError for a component that has no blueprint."""
        if faults := find_component_faults(stack.component):
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        blueprint = BLUEPRINTS[stack.component](stack, generation, settings)
        work = Work(deployment, blueprint, artifact)
        return work, await self.provisioner.preview(work)

    async def verify(self, stack: Stack, settings: ComponentSettings) -> HealthAnswer | None:
        """Check the service's health as a client, if there is one; raises VerificationError if it is not healthy."""
        return await verify_service(self._probe, stack, settings)


def find_component_faults(component: str) -> tuple[Fault, ...]:
    """Return a fault for a component without a blueprint."""
    if component in BLUEPRINTS:
        return ()
    return (Fault("component", f"'{component}' cannot be deployed", f"Available: {', '.join(BLUEPRINTS)}."),)
