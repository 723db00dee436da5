"""Everything that a home folder holds, and what can be done there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.bootstrap.engines import connect_engine, function_logs, secret_reader

if TYPE_CHECKING:
    from semantest_iac.application.message_bus import MessageBus, Observer
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration
    from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
    from semantest_iac.infrastructure.local_service.local_services import ServingLimits
    from semantest_iac.infrastructure.pulumi_engine.cli.installation import Prerequisite
    from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore
    from semantest_iac.presentation.gateway.services import ListenAddress, LogRequest, RunningGateway

ENGINES = ("sandbox", "pulumi")


def _ignore_progress(tick: ResourceProgress) -> None:
    """For callers that do not watch."""


class Application:
    """Everything under one home folder; a part is made when it is first used."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()

    @cached_property
    def ledger(self) -> SqliteLedger:
        """The ledger; reading it makes no file."""
        from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

        return SqliteLedger(self.home / "ledger.db")

    @cached_property
    def validation(self) -> ValidationService:
        """The judge of configurations, as of today."""
        from semantest_iac.domain.deployment.validation import ValidationService

        return ValidationService(datetime.now(UTC).date(), self.providers, self.capabilities)

    def capabilities(self, provider: str) -> Capabilities:
        """What a cloud has of what blueprints ask for; raises RefusedError where it cannot be used here."""
        from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud

        return find_cloud(provider).capabilities

    def configuration(self, **sources: Any) -> ParsedConfiguration:
        """The configuration with its faults beside it; the keywords are those of Sources."""
        from semantest_iac.infrastructure.configuration.loading import ConfigurationSources, read_configuration

        return read_configuration(ConfigurationSources(**sources))

    def configuration_schema(self) -> dict[str, Any]:
        """The JSON Schema of the configuration file."""
        from semantest_iac.infrastructure.configuration.schema import schema_for_providers

        return schema_for_providers(self.providers)

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Takes the values of the secrets among the variables out of text."""
        from semantest_iac.domain.environments.names import secret_variable_name
        from semantest_iac.domain.security.redaction import Redactor

        return Redactor(value for name, value in variables.items() if name.startswith(secret_variable_name(""))).redact

    @property
    def providers(self) -> CloudDescriptions:
        """The clouds that there are, ours first; others are looked for when none of ours is meant."""
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        return CLOUDS

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """What deploys the stack: what is asked for, else what it was deployed with, else its environment's.

        Raises RefusedError where that is not the engine it was deployed with, or where something is missing for it.
        """
        from semantest_iac.application.queries.stacks import find_engine
        from semantest_iac.domain.guardrails.engine_choice import choose_engine, require_same_engine

        asked = configuration.engine, configuration.cloud
        before = find_engine(self.ledger, str(stack))
        choice = before if before and asked == (None, None) else choose_engine(stack.environment, *asked)
        require_same_engine(str(stack), choice, before)
        if choice.engine == "pulumi":
            from semantest_iac.infrastructure.pulumi_engine.cli.requirements import require_pulumi_prerequisites

            require_pulumi_prerequisites(stack.provider, real_cloud=not choice.is_played, variables=os.environ)
        return choice

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None:
        """The other stacks that have set what the stack's account has once; None where there is no such thing."""
        from semantest_iac.application.intake.account_notices import find_account_stacks

        return find_account_stacks(self.ledger, self.capabilities(stack.provider), stack, engine)

    def needs(self, providers: Collection[str]) -> list[Prerequisite]:
        """What Pulumi's engine needs of this machine for these providers; raises ValidationError for unknown ones."""
        from semantest_iac.infrastructure.pulumi_engine.cli.installation import list_prerequisites

        return list_prerequisites(providers, os.environ)

    def secrets(self, variables: Mapping[str, str]) -> VariableSecretStore:
        """Secrets in the variables of a loaded configuration."""
        from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

        return VariableSecretStore(variables)

    def deployments(
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice | None = None,
        progress: ReportProgress = _ignore_progress,
        observer: Observer | None = None,
    ) -> DeploymentUseCase:
        """The use cases on one engine (the sandbox, where none is named).

        `observer` is shown every recorded event, `progress` every operation on a resource.
        """
        from semantest_iac.application.deployment.preparation import Preparation
        from semantest_iac.application.deployment.process import DeploymentProcess
        from semantest_iac.application.handlers.deploy_account import deploy_account
        from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
        from semantest_iac.application.handlers.deploy_websocket import deploy_websocket
        from semantest_iac.application.handlers.destroy import destroy
        from semantest_iac.application.intake.intake import Intake
        from semantest_iac.application.use_cases import DeploymentUseCase
        from semantest_iac.domain.deployment.deployment_service import DeploymentService
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
        from semantest_iac.infrastructure.run_queue.lock_files import LockFileQueue
        from semantest_iac_events.deployments import DeploymentRequested
        from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

        secrets = self.secrets(variables)
        provisioner, door = connect_engine(self.home, engine, secret_reader(secrets))
        service = DeploymentService(provisioner, PackageBuilder(self.home), door)
        bus = self._bus(variables, observer)
        preparation = Preparation(self.validation, secrets, service)
        process = DeploymentProcess(preparation, service, bus, self.ledger, progress)
        for handler in (deploy_rest_api, deploy_websocket, deploy_account):
            bus.register(DeploymentRequested, partial(handler, process))
        bus.register(InfrastructureRemovalRequested, partial(destroy, process))
        queue = LockFileQueue(self.home / "locks")
        intake = Intake(preparation, queue, bus, self.ledger, ENGINES if engine else ENGINES[:1])
        return DeploymentUseCase(intake, process, service, door, self.ledger)

    @property
    def function_logs(self) -> FunctionLogFiles:
        """What functions printed, as far as it is kept."""
        return function_logs(self.home)

    def gateway(
        self,
        variables: Mapping[str, str],
        address: ListenAddress,
        tell: LogRequest,
        limits: ServingLimits | None = None,
    ) -> RunningGateway:
        """The gateway before every simulated stack, as its URL; raises RefusedError where it cannot be had."""
        from semantest_iac.application.queries.stacks import find_engine, simulated_releases
        from semantest_iac.infrastructure.local_service.local_services import LocalServices, Releases
        from semantest_iac.presentation.gateway.launch import open_gateway

        def door_of(stack: Stack) -> ServiceProbe:
            return connect_engine(
                self.home, find_engine(self.ledger, str(stack)), secret_reader(self.secrets(variables))
            )[1]

        live = Releases(partial(simulated_releases, self.ledger), self.home / "ledger.db")
        return open_gateway(LocalServices(live, door_of, self.function_logs, limits), address, tell)

    def _bus(self, variables: Mapping[str, str], observer: Observer | None) -> MessageBus:
        from semantest_iac.application.deployment.failures import failure_event
        from semantest_iac.application.deployment.recorder import EventRecorder
        from semantest_iac.application.message_bus import MessageBus

        bus = MessageBus(EventRecorder(self.ledger, self.redactor(variables)).record, failure_event)
        if observer:
            bus.observe(observer)
        return bus
