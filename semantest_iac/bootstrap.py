"""Joins ports to adapters; the only place that knows both. Every import waits until its part is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from semantest_iac.application.intake.orders import Order
    from semantest_iac.application.message_bus import MessageBus, Observer
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import Configuration
    from semantest_iac.domain.environments.providers import Providers
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.provisioner import Progress, Provisioner, Tick
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.cloud_programs.code import Courier
    from semantest_iac.infrastructure.configuration.loading import Loaded
    from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
    from semantest_iac.infrastructure.local_service.door import Deployed
    from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
    from semantest_iac.infrastructure.pulumi_engine.needs import Need
    from semantest_iac.infrastructure.pulumi_engine.states import PendingCreate
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

        provisioner, door = self._engine(secrets := self.secrets(variables), engine)
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
        from semantest_iac.infrastructure.local_service.log_file import FunctionLogs

        return FunctionLogs(self.home / "logs")

    def gateway(self, variables: Mapping[str, str], address: Address, tell: Tell) -> Listening:
        """The gateway before every simulated stack, as its URL; raises RefusedError where it cannot be had."""
        from semantest_iac.application.queries.engines import engine_of
        from semantest_iac.application.queries.releases import releases
        from semantest_iac.infrastructure.local_service.local_services import LocalServices
        from semantest_iac.infrastructure.local_service.releases import Releases
        from semantest_iac.presentation.gateway.opening import opened

        def door_of(stack: Stack) -> ServiceProbe:
            return self._engine(self.secrets(variables), engine_of(self.ledger, str(stack)))[1]

        live = Releases(partial(releases, self.ledger), self.home / "ledger.db")
        return opened(LocalServices(live, door_of, self.function_logs), address, tell)

    def _bus(self, variables: Mapping[str, str], observer: Observer | None) -> MessageBus:
        from semantest_iac.application.failures import failure_of
        from semantest_iac.application.message_bus import MessageBus
        from semantest_iac.application.recorder import Recorder

        bus = MessageBus(Recorder(self.ledger, self.redactor(variables)).record, failure_of)
        if observer:
            bus.observe(observer)
        return bus

    def _engine(self, secrets: VariableSecretStore, choice: EngineChoice | None) -> tuple[Provisioner, ServiceProbe]:
        return self._pulumi(secrets, choice) if choice and choice.engine == "pulumi" else self._sandbox(secrets)

    def _sandbox(self, secrets: VariableSecretStore) -> tuple[Provisioner, ServiceProbe]:
        from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
        from semantest_iac.infrastructure.sandbox_engine.store import StateStore
        from semantest_iac.infrastructure.simulated_cloud.opening import clouds_in

        clouds = clouds_in(self.home / "cloud.db")
        engine = SandboxEngine(StateStore(self.home / "sandbox"), clouds, _values(secrets))
        return engine, self._door(engine.deployed)

    def _pulumi(self, secrets: VariableSecretStore, choice: EngineChoice) -> tuple[Provisioner, ServiceProbe]:
        """Simulated clouds lie apart from the sandbox's: a stack belongs to the engine that made it."""
        from semantest_iac.infrastructure.local_service.remote_door import RemoteDoor
        from semantest_iac.infrastructure.pulumi_engine.children import Children
        from semantest_iac.infrastructure.pulumi_engine.deployed import deployed, endpoint
        from semantest_iac.infrastructure.pulumi_engine.engine import PulumiEngine
        from semantest_iac.infrastructure.pulumi_engine.requirements import installed_plugins
        from semantest_iac.infrastructure.pulumi_engine.site import Site

        folder, values = self.home / "pulumi", _values(secrets)
        if not choice.is_played:
            engine = PulumiEngine(Children(Site(folder, plugins=installed_plugins(os.environ)), values))
            return engine, RemoteDoor(partial(endpoint, engine))
        inventory = folder / "cloud.db"
        courier = partial(_courier, inventory)
        children = Children(Site(folder), values, partial(_attached, inventory))
        engine = PulumiEngine(children, partial(_made, inventory), courier)
        return engine, self._door(lambda stack: deployed(engine, courier(stack), stack, values))

    def _door(self, deployed: Deployed) -> ServiceProbe:
        from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
        from semantest_iac.infrastructure.local_service.door import LocalDoor

        return LocalDoor(deployed, self.home / "artifacts", PackageCache(self.home).folder_of, self.function_logs)


class PulumiProgram(Application):
    """The application in a program that Pulumi itself started: the engine is there, and keeps the record."""

    def __init__(self, namespace: str) -> None:
        from semantest_iac.infrastructure.pulumi_engine.host import Host

        self.host = Host.of_this_process(namespace)
        super().__init__(self.host.folder / (os.environ.get("SEMANTEST_HOME") or ".semantest"))

    def engine(self, stack: Stack, configuration: Configuration) -> EngineChoice:
        """Pulumi on the real cloud; raises RefusedError where the configuration wants another."""
        from semantest_iac.domain.errors import RefusedError
        from semantest_iac.domain.guardrails.engine_choice import PULUMI, REAL, EngineChoice

        choice = EngineChoice(PULUMI, REAL)
        if EngineChoice(configuration.engine or PULUMI, configuration.cloud or REAL) == choice:
            return choice
        message = f"Cannot deploy '{stack}' as its configuration says: pulumi is the engine here, on the real cloud."
        hint = "Leave engine and cloud out, or deploy with python -m semantest_iac deploy."
        raise RefusedError(message, "ENGINE_UNSUITABLE", hint=hint)

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> None:
        """Nothing is on record here."""

    def run(self, order: Order, generation: int) -> None:
        """Build the package, or find it, and register the resources; raises DeploymentError."""
        from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
        from semantest_iac.domain.deployment.packaging import packaged
        from semantest_iac.domain.environments.configuration import Configuration, resolved
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

        stack = order.stack
        settings = resolved(Configuration.model_validate(order.configuration), stack.component, stack.environment)
        artifact = packaged(PackageBuilder(self.home), stack, settings)
        self.host.inform(f"{stack}, generation {generation}")
        blueprint = BLUEPRINTS[stack.component](stack, generation, settings)
        self.host.register(blueprint, artifact, _values(self.secrets(order.variables)))


def _values(secrets: VariableSecretStore) -> Callable[[str], str]:
    return lambda name: secrets.reveal(name).expose()


def _attached(inventory: Path, provider: str) -> AbstractAsyncContextManager[str]:
    from semantest_iac.infrastructure.clouds.registry import CLOUDS
    from semantest_iac.infrastructure.simulated_cloud.opening import clouds_in
    from semantest_iac.infrastructure.simulated_provider.serving import serving

    cloud = CLOUDS[provider]
    return serving(clouds_in(inventory), cloud.regions[0], (cloud.package,))


def _courier(inventory: Path, stack: Stack) -> Courier | None:
    """Who brings packages to the apps of a simulated cloud that an engine of its own deploys to."""
    from semantest_iac.infrastructure.sandbox_engine.code import courier_in
    from semantest_iac.infrastructure.simulated_cloud.opening import clouds_in

    return courier_in(clouds_in(inventory), stack)


def _made(inventory: Path, create: PendingCreate) -> str | None:
    """The id of what a create that was cut off has made, by the mark that the provider left."""
    from semantest_iac.infrastructure.simulated_cloud.opening import opened

    with opened(inventory).view() as books:
        found = books.owned_by(f"{create.urn}#")
    return next((row.id for row in found if row.id not in create.known), None)
