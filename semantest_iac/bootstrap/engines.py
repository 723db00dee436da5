"""The engines, each with what answers for the services that it has deployed."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
    from semantest_iac.infrastructure.local_service.local_probe import FindDeployedResources
    from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate
    from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

SecretReader = Callable[[str], str]
"""The value of a secret by its name."""


def connect_engine(home: Path, choice: EngineChoice | None, values: SecretReader) -> tuple[Provisioner, ServiceProbe]:
    """The engine of that choice, the sandbox without one."""
    return (
        _connect_pulumi(home, values, choice)
        if choice and choice.engine == "pulumi"
        else _connect_sandbox(home, values)
    )


def secret_reader(secrets: VariableSecretStore) -> SecretReader:
    """The secrets of a store, opened one by one."""
    return lambda name: secrets.reveal(name).expose()


def function_logs(home: Path) -> FunctionLogFiles:
    """What functions printed, as far as it is kept."""
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles

    return FunctionLogFiles(home / "logs")


def _connect_sandbox(home: Path, values: SecretReader) -> tuple[Provisioner, ServiceProbe]:
    from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
    from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

    clouds = cloud_factory(home / "cloud.db")
    engine = SandboxEngine(StateStore(home / "sandbox"), clouds, values)
    return engine, _local_probe(home, engine.deployed)


def _connect_pulumi(home: Path, values: SecretReader, choice: EngineChoice) -> tuple[Provisioner, ServiceProbe]:
    """Simulated clouds lie apart from the sandbox's: a stack belongs to the engine that made it."""
    from semantest_iac.infrastructure.local_service.remote_probe import RemoteProbe
    from semantest_iac.infrastructure.pulumi_engine.cli.requirements import find_installed_plugins
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import (
        PulumiEngine,
        read_deployed_resources,
        read_endpoint,
    )
    from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
    from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

    folder = home / "pulumi"
    if not choice.is_played:
        engine = PulumiEngine(
            EngineProcessSupervisor(BackendSettings(folder, plugins=find_installed_plugins(os.environ)), values)
        )
        return engine, RemoteProbe(partial(read_endpoint, engine))
    inventory = folder / "cloud.db"
    publisher = partial(_code_publisher, inventory)
    children = EngineProcessSupervisor(BackendSettings(folder), values, partial(_serve_simulated_provider, inventory))
    engine = PulumiEngine(children, partial(_find_created, inventory), publisher)
    return engine, _local_probe(home, lambda stack: read_deployed_resources(engine, publisher(stack), stack, values))


def _local_probe(home: Path, deployed: FindDeployedResources) -> ServiceProbe:
    from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
    from semantest_iac.infrastructure.local_service.local_probe import LocalProbe

    return LocalProbe(deployed, home / "artifacts", PackageCache(home).unpack, function_logs(home))


def _serve_simulated_provider(inventory: Path, provider: str) -> AbstractAsyncContextManager[str]:
    from semantest_iac.infrastructure.clouds.registry import CLOUDS
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory
    from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers

    cloud = CLOUDS[provider]
    return serve_simulated_providers(cloud_factory(inventory), cloud.regions[0], (cloud.package,))


def _code_publisher(inventory: Path, stack: Stack) -> CodePublisher | None:
    """Who brings packages to the apps of a simulated cloud that an engine of its own deploys to."""
    from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

    return create_code_publisher(cloud_factory(inventory), stack)


def _find_created(inventory: Path, create: PendingCreate) -> str | None:
    """The id of what a create that was cut off has made, by the mark that the provider left."""
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory

    with open_inventory(inventory).view() as transaction:
        found = transaction.list_by_owner_prefix(f"{create.urn}#")
    return next((row.id for row in found if row.id not in create.known), None)
