"""The steps that look before anything leaps: settings, secrets, package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from semantest_iac.application.attempt import Attempt
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.validation import Facts, Report, ValidationService
from semantest_iac.domain.environments.configuration import Configuration, resolved
from semantest_iac.domain.environments.names import secret_variable
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.security.app_secrets import AppSecrets
from semantest_iac_events.deployments import DeploymentRequested

Step = Callable[[Attempt], Awaitable[Attempt]]


class Preparation:
    """Turns a request into settings and a package; raises ValidationError with every fault, or ArtifactError."""

    def __init__(self, validation: ValidationService, secrets: SecretStore, service: DeploymentService) -> None:
        self._validation = validation
        self._secrets = secrets
        self._service = service

    def report(self, request: DeploymentRequested) -> Report:
        """Everything wrong with the request, and everything worth knowing about it."""
        configuration = _configuration(request)
        stack = Attempt(request).stack
        settings = resolved(configuration, stack.component, stack.environment)
        missing = frozenset(self._secrets.missing(AppSecrets(settings.secrets).keys))
        return self._validation.validate(stack, configuration, Facts(missing, secrets_required=True))

    @property
    def steps(self) -> dict[str, Step]:
        """The steps by name, in order."""
        return {
            "validate": self.validate,
            "check_secrets": self.check_secrets,
            "build_artifact": self.build_artifact,
        }

    async def prepare(self, attempt: Attempt) -> Attempt:
        """Every step at once; what it builds is found again when the steps are taken one by one."""
        for step in self.steps.values():
            attempt = await step(attempt)
        return attempt

    async def validate(self, attempt: Attempt) -> Attempt:
        """The settings, with nothing left open."""
        report = self.report(attempt.request)
        if report.faults:
            raise ValidationError(f"Cannot deploy '{attempt.stack}'.", faults=report.faults)
        configuration = _configuration(attempt.request)
        return replace(attempt, settings=resolved(configuration, attempt.stack.component, attempt.stack.environment))

    async def check_secrets(self, attempt: Attempt) -> Attempt:
        """Every secret has a value now; it is read again, and used, only when the cloud is told."""
        assert attempt.settings is not None  # noqa: S101  # the step before has seen to it
        missing = self._secrets.missing(AppSecrets(attempt.settings.secrets).keys)
        if missing:
            faults = [Fault(f"secrets.{name}", "is not set", f"Set {secret_variable(name)}.") for name in missing]
            raise ValidationError(f"Cannot deploy '{attempt.stack}': secrets are missing.", faults=faults)
        return attempt

    async def build_artifact(self, attempt: Attempt) -> Attempt:
        """What the function runs."""
        assert attempt.settings is not None  # noqa: S101  # the step before has seen to it
        artifact = await asyncio.to_thread(self._service.package, attempt.stack, attempt.settings)
        return replace(attempt, artifact=artifact)


def _configuration(request: DeploymentRequested) -> Configuration:
    return Configuration.model_validate(request.configuration)
