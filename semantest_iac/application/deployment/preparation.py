"""The read-only steps of a deployment: validate its configuration, build its package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pydantic

from semantest_iac.application.deployment.context import DeploymentContext, stack_of
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.deployment.deployment_service import DeploymentService, find_component_faults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import SecretAvailability, ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import (
    ComponentSection,
    DeploymentConfiguration,
    find_secret_variables,
    resolve_component,
)
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest

DeploymentStep = Callable[[DeploymentContext], Awaitable[DeploymentContext]]


class Preparation:
    """Turns a request into settings and a package; raises ValidationError with every fault, or ArtifactError."""

    def __init__(self, validation: ValidationService, secrets: SecretStore, service: DeploymentService) -> None:
        self._validation = validation
        self._secrets = secrets
        self._service = service

    @property
    def steps(self) -> dict[str, DeploymentStep]:
        """The steps by name, in order."""
        return {"validate": self.validate, "build_artifact": self.build_artifact}

    async def prepare(self, request: DeploymentRequested) -> DeploymentContext:
        """Every step at once; what it builds is found again when the steps are taken one by one."""
        attempt = DeploymentContext(request)
        for step in self.steps.values():
            attempt = await step(attempt)
        return attempt

    def require_known(self, request: StackRequest) -> None:
        """Raise ValidationError for each word of the stack that is unknown."""
        stack = stack_of(request)
        if faults := self._validation.stack_faults(stack):
            raise ValidationError(f"Cannot work on '{stack}'.", faults=faults)

    async def validate(self, attempt: DeploymentContext) -> DeploymentContext:
        """The settings, with nothing left open and a value for every secret that they name."""
        stack, configuration = attempt.stack, requested_configuration(attempt.request)
        report = validate_with_secrets(stack, configuration, self._validation, self._secrets)
        faults = (*report.faults, *find_component_faults(stack.component))
        if faults:
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        return replace(attempt, settings=resolve_component(configuration, stack.component, stack.environment))

    async def build_artifact(self, attempt: DeploymentContext) -> DeploymentContext:
        """What the function runs."""
        assert attempt.settings is not None  # noqa: S101  # the step before has seen to it
        artifact = await asyncio.to_thread(self._service.package, attempt.stack, attempt.settings)
        return replace(attempt, artifact=artifact)


def validate_with_secrets(
    stack: Stack,
    configuration: DeploymentConfiguration,
    validation: ValidationService,
    secrets: SecretStore,
    *,
    secrets_required: bool = True,
) -> ValidationReport:
    """Everything wrong with the configuration for this stack, its secrets included."""
    section = configuration.components.get(stack.component, ComponentSection())
    named = find_secret_variables(stack.component, stack.environment, section).values()
    missing = frozenset(secrets.missing(set(named)))
    return validation.validate(stack, configuration, SecretAvailability(missing, secrets_required=secrets_required))


def requested_configuration(request: DeploymentRequested) -> DeploymentConfiguration:
    """The configuration that a request carries; raises ValidationError with every fault of its shape."""
    try:
        return DeploymentConfiguration.model_validate(request.configuration)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [Fault(".".join(map(str, fault["loc"])), fault["msg"]) for fault in found]
        raise ValidationError(f"Cannot deploy '{request.stack}'.", faults=faults) from error
