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
    from semantest_iac.infrastructure.cloud_programs.code import Courier
    from semantest_iac.infrastructure.local_service.door import Deployed
    from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
    from semantest_iac.infrastructure.pulumi_engine.states import PendingCreate
    from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

Values = Callable[[str], str]
"""The value of a secret by its name."""


def joined(home: Path, choice: EngineChoice | None, values: Values) -> tuple[Provisioner, ServiceProbe]:
    """The engine of that choice, the sandbox without one."""
    return _pulumi(home, values, choice) if choice and choice.engine == "pulumi" else _sandbox(home, values)


def values_of(secrets: VariableSecretStore) -> Values:
    """The secrets of a store, opened one by one."""
    return lambda name: secrets.reveal(name).expose()


def logs_in(home: Path) -> FunctionLogs:
    """What functions printed, as far as it is kept."""
    from semantest_iac.infrastructure.local_service.log_file import FunctionLogs

    return FunctionLogs(home / "logs")


def _sandbox(home: Path, values: Values) -> tuple[Provisioner, ServiceProbe]:
    from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
    from semantest_iac.infrastructure.sandbox_engine.store import StateStore
    from semantest_iac.infrastructure.simulated_cloud.opening import clouds_in

    clouds = clouds_in(home / "cloud.db")
    engine = SandboxEngine(StateStore(home / "sandbox"), clouds, values)
    return engine, _door(home, engine.deployed)


def _pulumi(home: Path, values: Values, choice: EngineChoice) -> tuple[Provisioner, ServiceProbe]:
    """Simulated clouds lie apart from the sandbox's: a stack belongs to the engine that made it."""
    from semantest_iac.infrastructure.local_service.remote_door import RemoteDoor
    from semantest_iac.infrastructure.pulumi_engine.children import Children
    from semantest_iac.infrastructure.pulumi_engine.deployed import deployed, endpoint
    from semantest_iac.infrastructure.pulumi_engine.engine import PulumiEngine
    from semantest_iac.infrastructure.pulumi_engine.requirements import installed_plugins
    from semantest_iac.infrastructure.pulumi_engine.site import Site

    folder = home / "pulumi"
    if not choice.is_played:
        engine = PulumiEngine(Children(Site(folder, plugins=installed_plugins(os.environ)), values))
        return engine, RemoteDoor(partial(endpoint, engine))
    inventory = folder / "cloud.db"
    courier = partial(_courier, inventory)
    children = Children(Site(folder), values, partial(_attached, inventory))
    engine = PulumiEngine(children, partial(_made, inventory), courier)
    return engine, _door(home, lambda stack: deployed(engine, courier(stack), stack, values))


def _door(home: Path, deployed: Deployed) -> ServiceProbe:
    from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
    from semantest_iac.infrastructure.local_service.door import LocalDoor

    return LocalDoor(deployed, home / "artifacts", PackageCache(home).folder_of, logs_in(home))


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
