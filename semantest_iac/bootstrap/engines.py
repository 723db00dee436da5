"""The registry of engines: how each is created, what it requires of this machine, how its services are called."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.errors import ProviderError, RefusedError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.domain.blueprints.secret_access import SecretResources
    from semantest_iac.domain.delivery.canary import TrafficObservation
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.domain.ports.traffic_observer import TrafficObserver
    from semantest_iac.domain.resource import DeployedResource
    from semantest_iac.domain.security.access import AppSecret
    from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
    from semantest_iac.infrastructure.local_service.local_probe import FindDeployedResources
    from semantest_iac.infrastructure.local_service.traffic_counts import TrafficCounts
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
    from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate, StackState
    from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine


def ignore_value(value: str) -> None:
    """Keep nothing of the value."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine is created from: the home folder, the choice of engine and cloud, the secrets and the packages.

    `learn_value` is told the values with which functions run here, so that no output shows them.
    `policy_packs` are the folders of those that judge what Pulumi's own engine deploys, and `variables` are those of
    the configuration, which say where its state is.
    """

    home: Path
    choice: EngineChoice
    secrets: SecretStore
    packages: ArtifactStore
    learn_value: Callable[[str], None] = ignore_value
    policy_packs: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def reveal_secret(self, stack: Stack, secret: AppSecret) -> str:
        """Return the value of a secret as it was planned; raises NotFoundError where it has none."""
        return reveal_planned_secret(self.secrets, stack, secret)

    def reveal_newest(self, stack: Stack, name: str) -> str:
        """Return the value of a secret that counts now; raises NotFoundError where it has none."""
        return self.secrets.of_stack(stack).reveal(name).expose()


def reveal_planned_secret(secrets: SecretStore, stack: Stack, secret: AppSecret) -> str:
    """Return the value of the version with which a deployment was planned, whatever was set since."""
    versions = {secret.key: secret.version} if secret.version else {}
    return secrets.of_stack(stack, versions).reveal(secret.key).expose()


def _has_files(home: Path, stack: str) -> bool:
    """Take every home for one that has what the engine keeps of a stack."""
    return True


def _has_sandbox_files(home: Path, stack: str) -> bool:
    return any((home / "sandbox" / f"{stack}.{suffix}").exists() for suffix in ("json", "journal"))


def _has_pulumi_files(home: Path, stack: str) -> bool:
    return (home / "pulumi" / "cloud.db").exists()


async def _refuse_listing(engine: Any, stack: Stack) -> Sequence[DeployedResource]:
    """Raise RefusedError: the engine does not say what it has deployed."""
    raise RefusedError(f"Cannot read what is deployed of '{stack}': its engine does not say that.", "ENGINE_UNSUITABLE")


async def _list_sandbox_resources(engine: SandboxEngine, stack: Stack) -> Sequence[DeployedResource]:
    return await engine.read_deployed_resources(stack)


async def _list_pulumi_resources(engine: PulumiEngine, stack: Stack) -> Sequence[DeployedResource]:
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import list_deployed_resources

    return await list_deployed_resources(engine, stack)


def _measure_nothing(home: Path, engine: Any, probe: ServiceProbe) -> TrafficObserver | None:
    """Return None: nothing measures the traffic of versions."""
    return None


def _require_nothing(provider: str, choice: EngineChoice) -> None:
    """Accept every machine."""


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One engine of the registry.

    `check_requirements` raises RefusedError with everything that is missing on this machine. `probe` gets the
    provisioner that `provisioner` created. `has_files` says whether a home has what the engine keeps there of a
    stack in a simulated cloud, and `simulated_cloud` is the file of that cloud. `list_resources` reads what is deployed
    of a stack from the state of the engine; where `probe` needs the values of secrets, they are not there. `traffic`
    measures, by engine and probe, how the versions of a service do.
    """

    provisioner: Callable[[EngineContext], Provisioner]
    probe: Callable[[EngineContext, Any], ServiceProbe]
    reaches_real_clouds: bool = True
    check_requirements: Callable[[str, EngineChoice], None] = _require_nothing
    has_files: Callable[[Path, str], bool] = _has_files
    simulated_cloud: str = "cloud.db"
    list_resources: Callable[[Any, Stack], Awaitable[Sequence[DeployedResource]]] = _refuse_listing
    traffic: Callable[[Path, Any, ServiceProbe], TrafficObserver | None] = _measure_nothing


def function_logs(home: Path) -> FunctionLogFiles:
    """Return the logs of functions that run on this machine."""
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles

    return FunctionLogFiles(home / "logs")


def traffic_counts(home: Path) -> TrafficCounts:
    """Return the counts of requests to versions that share the traffic of a simulated stack."""
    from semantest_iac.infrastructure.local_service.traffic_counts import TrafficCounts

    return TrafficCounts(home / "traffic")


def _sandbox_engine(context: EngineContext) -> Provisioner:
    from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
    from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

    clouds = cloud_factory(context.home / "cloud.db")
    return SandboxEngine(StateStore(context.home / "sandbox"), clouds, context.reveal_secret)


class RealTraffic:
    """The TrafficObserver of real clouds: that of the cloud of each stack."""

    def __init__(self, engine: PulumiEngine) -> None:
        self._engine = engine

    async def prepare(self, stack: Stack) -> None:
        await self._of(stack).prepare(stack)

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        return await self._of(stack).observe(stack, since)

    def _of(self, stack: Stack) -> TrafficObserver:
        from semantest_iac.domain.delivery.canary import CanaryRefusedError
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        cloud = CLOUDS[stack.provider]
        if not cloud.traffic_metrics:
            message = f"Cannot measure the traffic of '{stack}': nothing here reads the metrics of {stack.provider}."
            raise CanaryRefusedError(message, "CANARY_UNAVAILABLE", hint="Deploy with --canary none.")
        open_observer: Callable[..., TrafficObserver] = cloud.load_part(cloud.traffic_metrics)
        return open_observer(partial(_list_pulumi_resources, self._engine))


def _observe_sandbox_traffic(home: Path, engine: SandboxEngine, probe: ServiceProbe) -> TrafficObserver:
    from semantest_iac.infrastructure.local_service.local_traffic import LocalTraffic, RememberedVersions

    find_resources = partial(_list_sandbox_resources, engine)
    return LocalTraffic(find_resources, traffic_counts(home), RememberedVersions(home / "traffic"))


def _find_traffic_observer(home: Path, engine: Any, probe: ServiceProbe) -> TrafficObserver | None:
    """Return what measures the traffic of a simulated cloud, else of the real ones."""
    from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
    from semantest_iac.infrastructure.local_service.local_traffic import LocalTraffic, RememberedVersions

    if not isinstance(probe, LocalProbe):
        return RealTraffic(engine)
    return LocalTraffic(probe.find_resources, traffic_counts(home), RememberedVersions(home / "traffic"))


def _sandbox_probe(context: EngineContext, engine: SandboxEngine) -> ServiceProbe:
    return _local_probe(context, engine.read_deployed_resources)


def _pulumi_engine(context: EngineContext) -> Provisioner:
    """Keep simulated clouds apart from those of the sandbox: a stack belongs to the engine that created it."""
    from semantest_iac.infrastructure.pulumi_engine.cli.requirements import find_installed_plugins
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
    from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
    from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import (
        BackendSettings,
        read_backend_settings,
    )

    folder = context.home / "pulumi"
    if not context.choice.is_simulated:
        _export_app_secrets()
        variables = {**context.variables, **os.environ}
        settings = read_backend_settings(folder, variables, find_installed_plugins(os.environ))
        return PulumiEngine(EngineProcessSupervisor(settings, context.reveal_secret, policy_packs=context.policy_packs))
    inventory = folder / "cloud.db"
    serve_provider = partial(_serve_simulated_provider, inventory)
    supervisor = EngineProcessSupervisor(
        BackendSettings(folder), context.reveal_secret, serve_provider, policy_packs=context.policy_packs
    )
    return PulumiEngine(
        supervisor,
        partial(_find_created, inventory),
        partial(_code_publisher, inventory),
        partial(has_lost_simulated_cloud, inventory),
    )


def _export_app_secrets() -> None:
    """Let `.env` have the variables that open accounts and state, as for the tools of the clouds."""
    from semantest_iac.infrastructure.configuration.app_secrets import export_secrets, get_secrets

    export_secrets(get_secrets())


def _pulumi_probe(context: EngineContext, engine: PulumiEngine) -> ServiceProbe:
    from semantest_iac.infrastructure.local_service.remote_probe import RemoteProbe
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import read_deployed_resources, read_endpoint
    from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import with_published_versions
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

    if not context.choice.is_simulated:
        return RemoteProbe(partial(read_endpoint, engine))
    inventory = context.home / "pulumi" / "cloud.db"

    async def find_resources(stack: Stack) -> list[DeployedResource]:
        publisher = _code_publisher(inventory, stack)
        resources = await read_deployed_resources(engine, publisher, stack, partial(context.reveal_newest, stack))
        return with_published_versions(cloud_factory(inventory), stack, resources)

    return _local_probe(context, find_resources)


def _check_pulumi_requirements(provider: str, choice: EngineChoice) -> None:
    from semantest_iac.infrastructure.pulumi_engine.cli.requirements import require_pulumi_prerequisites

    if not choice.is_simulated:
        _export_app_secrets()
    require_pulumi_prerequisites(provider, real_cloud=not choice.is_simulated, variables=os.environ)


ENGINES: Mapping[str, EngineEntry] = {
    SANDBOX_ENGINE: EngineEntry(
        _sandbox_engine,
        _sandbox_probe,
        reaches_real_clouds=False,
        has_files=_has_sandbox_files,
        list_resources=_list_sandbox_resources,
        traffic=_observe_sandbox_traffic,
    ),
    PULUMI_ENGINE: EngineEntry(
        _pulumi_engine,
        _pulumi_probe,
        check_requirements=_check_pulumi_requirements,
        has_files=_has_pulumi_files,
        simulated_cloud="pulumi/cloud.db",
        list_resources=_list_pulumi_resources,
        traffic=_find_traffic_observer,
    ),
}
"""The engines by the name that `--engine` gives them."""


def _learn_secrets(context: EngineContext, stack: Stack, resources: Sequence[DeployedResource]) -> None:
    from semantest_iac.infrastructure.clouds.registry import CLOUDS

    cloud = CLOUDS[stack.provider]
    if cloud.secret_resources:
        inspected: SecretResources = cloud.load_part(cloud.secret_resources)
        for value in inspected.list_values(resources):
            context.learn_value(value)


def _local_probe(context: EngineContext, find_deployed: FindDeployedResources) -> ServiceProbe:
    from semantest_iac.domain.errors import ArtifactError
    from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
    from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
    from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
    from semantest_iac.infrastructure.local_service.local_traffic import RememberedVersions

    folder, cache = PackageFolder(context.home / "artifacts"), PackageCache(context.home)

    def unpack(digest: str) -> Path:
        """Unpack a package, or return what was unpacked of one that is missing or damaged by now."""
        try:
            package = context.packages.fetch(digest)
        except ArtifactError:
            package = folder.path_of(digest)
        return cache.unpack(package)

    versions = RememberedVersions(context.home / "traffic")

    async def find_complete(stack: Stack) -> Sequence[DeployedResource]:
        resources = await find_deployed(stack)
        _learn_secrets(context, stack, resources)
        return versions.complete(str(stack), resources)

    return LocalProbe(find_complete, unpack, function_logs(context.home))


def _serve_simulated_provider(inventory: Path, provider: str) -> AbstractAsyncContextManager[str]:
    from semantest_iac.infrastructure.clouds.registry import CLOUDS
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory
    from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers

    cloud = CLOUDS[provider]
    return serve_simulated_providers(cloud_factory(inventory), cloud.regions[0], (cloud.package,))


def _code_publisher(inventory: Path, stack: Stack) -> CodePublisher | None:
    """Return the publisher of packages to a simulated cloud; None where programs carry their packages."""
    from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

    return create_code_publisher(cloud_factory(inventory), stack)


def has_lost_simulated_cloud(inventory: Path, stack: Stack, state: StackState | None) -> bool:
    """Whether a simulated cloud has none of the state's resources, as after a loss of its file.

    Raises ProviderError for a stack that has lost its state.
    """
    from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import count_resources_of_stack
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory, open_inventory

    live = {(str(it["type"]), str(it["id"])) for it in state.cloud_resources} if state else set()
    if not inventory.exists():
        return bool(live)
    if state is None and (found := count_resources_of_stack(stack, cloud_factory(inventory))):
        raise ProviderError(
            f"Cannot read the state of '{stack}': it is missing, and the simulated cloud has {found} resources of it.",
            "STATE_MISSING",
            provider=stack.provider,
            hint="`semantest-iac doctor` names the newest copy of it and the command that puts it back.",
        )
    with open_inventory(inventory).read_without_transaction() as reader:
        return bool(live) and not live & reader.list_ids()


def _find_created(inventory: Path, create: PendingCreate) -> str | None:
    """Find the id of what an interrupted create has made, by the mark that the provider left."""
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory

    with open_inventory(inventory).read_without_transaction() as reader:
        found = reader.list_by_owner_prefix(f"{create.urn}#")
    return next((row.id for row in found if row.id not in create.known_ids), None)
