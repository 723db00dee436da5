"""The steps that look before anything leaps: settings with their secrets, package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pydantic

from semantest_iac.application.attempt import Attempt, stack_of
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.deployment.deployment_service import DeploymentService, unsupported
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import Facts, Report, ValidationService
from semantest_iac.domain.environments.configuration import Configuration, resolved, secret_variables
from semantest_iac.domain.environments.sections import ComponentSection
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.stack_event import StackRequest

Step = Callable[[Attempt], Awaitable[Attempt]]


class Preparation:
    """Turns a request into settings and a package; raises ValidationError with every fault, or ArtifactError."""

    def __init__(self, validation: ValidationService, secrets: SecretStore, service: DeploymentService) -> None:
        self._validation = validation
        self._secrets = secrets
        self._service = service

    @property
    def steps(self) -> dict[str, Step]:
        """The steps by name, in order."""
        return {"validate": self.validate, "build_artifact": self.build_artifact}

    async def prepare(self, request: DeploymentRequested) -> Attempt:
        """Every step at once; what it builds is found again when the steps are taken one by one."""
        attempt = Attempt(request)
        for step in self.steps.values():
            attempt = await step(attempt)
        return attempt

    def require_known(self, request: StackRequest) -> None:
        """Raise ValidationError for each word of the stack that is unknown."""
        stack = stack_of(request)
        if faults := self._validation.stack_faults(stack):
            raise ValidationError(f"Cannot work on '{stack}'.", faults=faults)

    async def validate(self, attempt: Attempt) -> Attempt:
        """The settings, with nothing left open and a value for every secret that they name."""
        stack, configuration = attempt.stack, configuration_of(attempt.request)
        report = judged(stack, configuration, self._validation, self._secrets)
        faults = (*report.faults, *unsupported(stack.component))
        if faults:
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        return replace(attempt, settings=resolved(configuration, stack.component, stack.environment))

    async def build_artifact(self, attempt: Attempt) -> Attempt:
        """What the function runs."""
        assert attempt.settings is not None  # noqa: S101  # the step before has seen to it
        artifact = await asyncio.to_thread(self._service.package, attempt.stack, attempt.settings)
        return replace(attempt, artifact=artifact)


def judged(
    stack: Stack,
    configuration: Configuration,
    validation: ValidationService,
    secrets: SecretStore,
    *,
    secrets_required: bool = True,
) -> Report:
    """Everything wrong with the configuration for this stack, its secrets included."""
    section = configuration.components.get(stack.component, ComponentSection())
    named = secret_variables(stack.component, stack.environment, section).values()
    missing = frozenset(secrets.missing(set(named)))
    return validation.validate(stack, configuration, Facts(missing, secrets_required=secrets_required))


def configuration_of(request: DeploymentRequested) -> Configuration:
    """The configuration that a request carries; raises ValidationError with every fault of its shape."""
    try:
        return Configuration.model_validate(request.configuration)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [Fault(".".join(map(str, fault["loc"])), fault["msg"]) for fault in found]
        raise ValidationError(f"Cannot deploy '{request.stack}'.", faults=faults) from error
