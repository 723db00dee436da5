"""Joins ports to adapters; the only place that knows both. Every import waits until its part is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semantest_iac.application.message_bus import MessageBus, Observer
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.deployment_service import DeploymentService
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.ports.provisioner import Progress, Tick
    from semantest_iac.infrastructure.configuration.loading import Loaded
    from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
    from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
    from semantest_iac.infrastructure.sandbox_engine.service_door import SandboxDoor
    from semantest_iac.infrastructure.sandbox_engine.store import StateStore
    from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore
    from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory

ENGINES = ("sandbox",)


def _unseen(tick: Tick) -> None:
    """For callers that do not watch."""


class Application:
    """Everything under one home folder; a part is made when it is first used."""

    engines = ENGINES

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

        return ValidationService(datetime.now(UTC).date())

    def configuration(self, **sources: Any) -> Loaded:
        """The configuration with its faults beside it; the keywords are those of Sources."""
        from semantest_iac.infrastructure.configuration.loading import Sources, read

        return read(Sources(**sources))

    def configuration_schema(self) -> dict[str, Any]:
        """The JSON Schema of the configuration file."""
        from semantest_iac.infrastructure.configuration.schema import schema

        return schema()

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Takes the values of the secrets among the variables out of text."""
        from semantest_iac.domain.environments.names import secret_variable
        from semantest_iac.infrastructure.secret_stores.redaction import Redactor

        return Redactor(value for name, value in variables.items() if name.startswith(secret_variable(""))).redact

    def secrets(self, variables: Mapping[str, str]) -> VariableSecretStore:
        """Secrets in the variables of a loaded configuration."""
        from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

        return VariableSecretStore(variables)

    def deployments(
        self, variables: Mapping[str, str], *, progress: Progress = _unseen, observer: Observer | None = None
    ) -> DeploymentUseCase:
        """The use cases; `observer` is shown every recorded event, `progress` every operation on a resource."""
        from semantest_iac.application.deployment_process import DeploymentProcess
        from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
        from semantest_iac.application.handlers.remove_infrastructure import remove_infrastructure
        from semantest_iac.application.intake.intake import Intake
        from semantest_iac.application.preparation import Preparation
        from semantest_iac.application.use_cases import DeploymentUseCase
        from semantest_iac.infrastructure.run_queue.lock_files import LockFileQueue

        secrets = self.secrets(variables)
        service = self._service(secrets)
        bus = self._bus(variables, observer)
        preparation = Preparation(self.validation, secrets, service)
        process = DeploymentProcess(preparation, service, bus, self.ledger, progress)
        bus.register([deploy_rest_api(process), remove_infrastructure(process)])
        queue = LockFileQueue(self.home / "locks")
        intake = Intake(preparation, queue, bus, self.ledger, ENGINES)
        return DeploymentUseCase(intake, process, service, self._door, self.ledger)

    def _bus(self, variables: Mapping[str, str], observer: Observer | None) -> MessageBus:
        from semantest_iac.application.failures import failure_of
        from semantest_iac.application.message_bus import MessageBus
        from semantest_iac.application.recorder import Recorder

        bus = MessageBus(Recorder(self.ledger, self.redactor(variables)).record, failure_of)
        if observer:
            bus.observe(observer)
        return bus

    def _service(self, secrets: VariableSecretStore) -> DeploymentService:
        from semantest_iac.domain.deployment.deployment_service import DeploymentService
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

        return DeploymentService(self._engine(secrets), PackageBuilder(self.home), self._door)

    def _engine(self, secrets: VariableSecretStore) -> SandboxEngine:
        from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
        from semantest_iac.infrastructure.simulated_cloud.catalogue import cloud_at

        return SandboxEngine(
            self._states,
            lambda package, region: cloud_at(package, self._inventory, region=region),
            lambda name: secrets.reveal(name).expose(),
        )

    @cached_property
    def _states(self) -> StateStore:
        from semantest_iac.infrastructure.sandbox_engine.store import StateStore

        return StateStore(self.home / "sandbox")

    @cached_property
    def _inventory(self) -> Inventory:
        from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory

        return Inventory(self.home / "cloud.db")

    @cached_property
    def _door(self) -> SandboxDoor:
        from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
        from semantest_iac.infrastructure.sandbox_engine.service_door import SandboxDoor

        return SandboxDoor(self._states, PackageCache(self.home).folder_of)
