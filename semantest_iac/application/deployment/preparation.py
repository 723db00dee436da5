"""The read-only steps of a deployment: validate its configuration, build its package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from weakref import WeakValueDictionary

import pydantic

from semantest_iac.application.deployment.context import DeploymentContext, stack_of
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.deployment_service import DeploymentService, find_component_faults
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import SecretAvailability, ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import (
    DeploymentConfiguration,
    find_component_type,
    find_secret_names,
    resolve_component,
)
from semantest_iac.domain.environments.names import ENVIRONMENTS, make_printable
from semantest_iac.domain.environments.sections import ComponentSection
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.ports.artifact_builder import PackagingRun
from semantest_iac.domain.ports.provisioner import ReportProgress, ignore_progress, report_step
from semantest_iac.domain.security.masking import find_masking_problem
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest

DeploymentStep = Callable[[DeploymentContext], Awaitable[DeploymentContext]]


class Preparation:
    """Validates a request and builds its package; raises ValidationError with every fault, or ArtifactError.

    What intake has prepared is kept until the process starts the deployment, so that nothing is done twice, and only as
    long as somebody who waits for that holds it.
    """

    def __init__(
        self,
        validation: ValidationService,
        secrets: SecretStore,
        service: DeploymentService,
        limiter: StepLimiter,
        progress: ReportProgress = ignore_progress,
    ) -> None:
        self._limiter = limiter
        self._validation = validation
        self._secrets = secrets
        self._service = service
        self._progress = progress
        self._prepared = WeakValueDictionary[str, DeploymentContext]()

    async def prepare(
        self,
        request: DeploymentRequested,
        settings: ComponentSettings | None = None,
        package: PackageBuilt | None = None,
    ) -> DeploymentContext:
        """Take both steps; `settings` are those of a configuration that was validated before.

        A recorded `package` is fetched instead of building one; raises ArtifactStoreError.
        """
        artifact = await self._service.fetch_package(package) if package else None
        context = await self.validate(DeploymentContext(request, settings, artifact))
        build = partial(self.build_artifact, context)
        context = await self._limiter.for_run(request.configuration, self._progress).run("build_artifact", build)
        self._prepared[request.deployment_id] = context
        return context

    def take_prepared(self, request: DeploymentRequested) -> DeploymentContext:
        """Return what `prepare` found out about the request, or an empty context if it was not called."""
        return self._prepared.pop(request.deployment_id, None) or DeploymentContext(request)

    def require_valid_stack(self, request: StackRequest) -> None:
        """Raise ValidationError for each unknown part of the stack's name; a component may have any name."""
        stack = stack_of(request)
        if faults := self._validation.find_stack_faults(stack, requested_environments(request), (stack.component,)):
            raise ValidationError(f"Cannot work on '{stack}'.", faults=faults)

    async def validate(self, context: DeploymentContext) -> DeploymentContext:
        """Resolve the settings, complete and with a value for every secret that they name."""
        if context.settings is not None:
            return context
        stack, configuration = context.stack, requested_configuration(context.request)
        report = validate_with_secrets(stack, configuration, self._validation, self._secrets)
        faults = (*report.faults, *find_component_faults(find_component_type(configuration, stack.component)))
        if faults:
            raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
        return replace(context, settings=resolve_component(configuration, stack.component, stack.environment))

    async def build_artifact(self, context: DeploymentContext) -> DeploymentContext:
        """Build the package of the functions, if the stack has any; a cancelled build ends its programs."""
        assert context.settings is not None  # noqa: S101  # the step before has set them
        if context.artifact is not None or not context.settings.runs_code:
            return context
        run = PackagingRun(self._progress)
        try:
            with report_step(self._progress, "package", _describe_source(context.settings)):
                artifact = await asyncio.to_thread(self._service.package, context.stack, context.settings, run)
        except asyncio.CancelledError:
            run.cancelled.set()
            raise
        return replace(context, artifact=artifact)

    async def store_package(self, artifact: Artifact) -> None:
        """Put the package where every machine that may carry out the request finds it; raises ArtifactStoreError."""
        await self._service.store_package(artifact)


def _describe_source(settings: ComponentSettings) -> str:
    """Say what is packaged; a site and images of services are said where there are no functions."""
    if settings.source:
        return f"the code in {settings.source}"
    if settings.answers_requests or settings.functions:
        return "the bundled service"
    return "the site" if settings.has_site else "the images of services"


def validate_with_secrets(
    stack: Stack,
    configuration: DeploymentConfiguration,
    validation: ValidationService,
    secrets: SecretStore,
    *,
    secrets_required: bool = True,
) -> ValidationReport:
    """Validate the configuration for this stack, including whether its secrets have values."""
    section = configuration.components.get(stack.component, ComponentSection())
    secrets = secrets.of_stack(stack)
    named = find_secret_names(stack.component, configuration.find_base_environment(stack.environment), section)
    missing = frozenset(secrets.missing(named))
    given = sorted({*named} - missing)
    settings = configuration.model_dump(mode="json", exclude_unset=True) if given else {}
    problems = {
        name: problem for name in given if (problem := find_masking_problem(secrets.reveal(name).expose(), settings))
    }
    availability = SecretAvailability(missing, secrets_required=secrets_required, masking_problems=problems)
    return validation.validate(stack, configuration, availability)


def requested_environments(request: StackRequest) -> tuple[str, ...]:
    """Return the environments that a request may name: the built-in ones and, if it extends one, its own."""
    return (*ENVIRONMENTS, request.environment) if request.base_environment in ENVIRONMENTS else ENVIRONMENTS


def requested_configuration(request: DeploymentRequested) -> DeploymentConfiguration:
    """Parse the configuration of a request; raises ValidationError with every fault of its shape."""
    values = request.configuration
    if request.base_environment is not None:
        values = values | {"environments": {request.environment: {"extends": request.base_environment}}}
    try:
        return _with_requested_type(DeploymentConfiguration.model_validate(values), request)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [Fault(".".join(map(str, fault["loc"])), fault["msg"]) for fault in found]
        raise ValidationError(f"Cannot deploy '{request.stack}'.", faults=faults) from error


def _with_requested_type(
    configuration: DeploymentConfiguration, request: DeploymentRequested
) -> DeploymentConfiguration:
    """Return the configuration with the type of a request whose configuration says nothing about it."""
    section = configuration.components.get(request.component, ComponentSection())
    if request.component_type in (None, section.type):
        return configuration
    if section.type is not None:
        fault = Fault("component_type", f"the configuration says '{make_printable(section.type)}'", "Leave one out.")
        raise ValidationError(f"Cannot deploy '{request.stack}'.", faults=[fault])
    typed = section.model_copy(update={"type": request.component_type})
    return configuration.model_copy(update={"components": {**configuration.components, request.component: typed}})
