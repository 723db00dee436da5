"""Everything that a home folder holds, and what can be done there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.bootstrap.engines import joined, logs_in, values_of

if TYPE_CHECKING:
    from semantest_iac.application.message_bus import MessageBus, Observer
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import Configuration
    from semantest_iac.domain.environments.providers import Providers
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.provisioner import Progress, Tick
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.configuration.loading import Loaded
    from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
    from semantest_iac.infrastructure.local_service.local_services import ServingLimits
    from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
    from semantest_iac.infrastructure.pulumi_engine.needs import Need
    from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore
    from semantest_iac.presentation.gateway.services import Address, Listening, Tell

ENGINES = ("sandbox", "pulumi")


def _unseen(tick: Tick) -> None:
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
        from semantest_iac.infrastructure.cloud_programs.cloud import cloud

        return cloud(provider).capabilities

    def configuration(self, **sources: Any) -> Loaded:
        """The configuration with its faults beside it; the keywords are those of Sources."""
        from semantest_iac.infrastructure.configuration.loading import Sources, read

        return read(Sources(**sources))

    def configuration_schema(self) -> dict[str, Any]:
        """The JSON Schema of the configuration file."""
        from semantest_iac.infrastructure.configuration.schema import schema_for

        return schema_for(self.providers)

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Takes the values of the secrets among the variables out of text."""
        from semantest_iac.domain.environments.names import secret_variable
        from semantest_iac.infrastructure.secret_stores.redaction import Redactor

        return Redactor(value for name, value in variables.items() if name.startswith(secret_variable(""))).redact

    @property
    def providers(self) -> Providers:
        """The clouds that there are, ours first; others are looked for when none of ours is meant."""
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        return CLOUDS

    def engine(self, stack: Stack, configuration: Configuration) -> EngineChoice:
        """What deploys the stack: what is asked for, else what it was deployed with, else its environment's.

        Raises RefusedError where that is not the engine it was deployed with, or where something is missing for it.
        """
        from semantest_iac.application.queries.engines import engine_of
        from semantest_iac.domain.guardrails.engine_choice import choice_for, require_same

        asked = configuration.engine, configuration.cloud
        before = engine_of(self.ledger, str(stack))
        choice = before if before and asked == (None, None) else choice_for(stack.environment, *asked)
        require_same(str(stack), choice, before)
        if choice.engine == "pulumi":
            from semantest_iac.infrastructure.pulumi_engine.requirements import require

            require(stack.provider, real_cloud=not choice.is_played, variables=os.environ)
        return choice

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None:
        """The other stacks that have set what the stack's account has once; None where there is no such thing."""
        from semantest_iac.application.queries.accounts import account_stacks

        return account_stacks(self.ledger, self.capabilities(stack.provider), stack, engine)

    def needs(self, providers: Collection[str]) -> list[Need]:
        """What Pulumi's engine needs of this machine for these providers; raises ValidationError for unknown ones."""
        from semantest_iac.infrastructure.pulumi_engine.needs import needs

        return needs(providers, os.environ)

    def secrets(self, variables: Mapping[str, str]) -> VariableSecretStore:
        """Secrets in the variables of a loaded configuration."""
        from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

        return VariableSecretStore(variables)

    def deployments(
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice | None = None,
        progress: Progress = _unseen,
        observer: Observer | None = None,
    ) -> DeploymentUseCase:
        """The use cases on one engine (the sandbox, where none is named).

        `observer` is shown every recorded event, `progress` every operation on a resource.
        """
        from semantest_iac.application.deployment_process import DeploymentProcess
        from semantest_iac.application.handlers.deploy_account import deploy_account
        from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
        from semantest_iac.application.handlers.deploy_websocket import deploy_websocket
        from semantest_iac.application.handlers.remove_infrastructure import remove_infrastructure
        from semantest_iac.application.intake.intake import Intake
        from semantest_iac.application.preparation import Preparation
        from semantest_iac.application.use_cases import DeploymentUseCase
        from semantest_iac.domain.deployment.deployment_service import DeploymentService
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
        from semantest_iac.infrastructure.run_queue.lock_files import LockFileQueue

        secrets = self.secrets(variables)
        provisioner, door = joined(self.home, engine, values_of(secrets))
        service = DeploymentService(provisioner, PackageBuilder(self.home), door)
        bus = self._bus(variables, observer)
        preparation = Preparation(self.validation, secrets, service)
        process = DeploymentProcess(preparation, service, bus, self.ledger, progress)
        bus.register(it(process) for it in (deploy_rest_api, deploy_websocket, deploy_account, remove_infrastructure))
        queue = LockFileQueue(self.home / "locks")
        intake = Intake(preparation, queue, bus, self.ledger, ENGINES if engine else ENGINES[:1])
        return DeploymentUseCase(intake, process, service, door, self.ledger)

    @property
    def function_logs(self) -> FunctionLogs:
        """What functions printed, as far as it is kept."""
        return logs_in(self.home)

    def gateway(
        self, variables: Mapping[str, str], address: Address, tell: Tell, limits: ServingLimits | None = None
    ) -> Listening:
        """The gateway before every simulated stack, as its URL; raises RefusedError where it cannot be had."""
        from semantest_iac.application.queries.engines import engine_of
        from semantest_iac.application.queries.releases import releases
        from semantest_iac.infrastructure.local_service.local_services import LocalServices
        from semantest_iac.infrastructure.local_service.releases import Releases
        from semantest_iac.presentation.gateway.opening import opened

        def door_of(stack: Stack) -> ServiceProbe:
            return joined(self.home, engine_of(self.ledger, str(stack)), values_of(self.secrets(variables)))[1]

        live = Releases(partial(releases, self.ledger), self.home / "ledger.db")
        return opened(LocalServices(live, door_of, self.function_logs, limits), address, tell)

    def _bus(self, variables: Mapping[str, str], observer: Observer | None) -> MessageBus:
        from semantest_iac.application.failures import failure_of
        from semantest_iac.application.message_bus import MessageBus
        from semantest_iac.application.recorder import Recorder

        bus = MessageBus(Recorder(self.ledger, self.redactor(variables)).record, failure_of)
        if observer:
            bus.observe(observer)
        return bus
