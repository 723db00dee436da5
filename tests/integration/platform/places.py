"""A simulated cloud in which blueprints of the platform are deployed one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.sites import SITE_PACKAGE, StaticSite
from semantest_iac.domain.ports.provisioner import (
    Removal,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine, list_deployed_resources
from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers
from semantest_iac_events.values import ChangeCounts
from tests.kind_examples.sites import make_site_package

_PULUMI_DEADLINE_S = 600


class PlatformPlace:
    """Deploys one component in one environment of a cloud, with a configuration of the test's choice.

    The engine is the sandbox, or Pulumi's own where `pulumi` has the variables by which its CLI is found.
    """

    def __init__(
        self, folder: Path, component: str, provider: str, environment: str, pulumi: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stack = Stack(component, provider, environment, CLOUDS[provider].regions[0])
        self.generation = 1
        self.deployment = "deployment"
        self.faults = NO_FAULTS
        self.folder = folder
        self._inventory = Inventory(folder / "cloud.db")
        self._engine: SandboxEngine | PulumiEngine = (
            self._create_sandbox() if pulumi is None else self._create_pulumi_engine(pulumi)
        )

    def _create_sandbox(self) -> SandboxEngine:
        return SandboxEngine(StateStore(self.folder / "sandbox"), self._open, lambda _, secret: f"of {secret.key}")

    def _create_pulumi_engine(self, variables: Mapping[str, str]) -> PulumiEngine:
        settings = BackendSettings(self.folder / "pulumi", deadline_s=_PULUMI_DEADLINE_S)
        supervisor = EngineProcessSupervisor(
            settings, lambda _, secret: f"of {secret.key}", self._attach_provider, variables
        )
        return PulumiEngine(supervisor, find_publisher=partial(create_code_publisher, self._open))

    def _attach_provider(self, provider: str) -> AbstractAsyncContextManager[str]:
        return serve_simulated_providers(self._open, CLOUDS[provider].regions[0], (CLOUDS[provider].package,))

    def _open(self, package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, self._inventory, region=region, faults=self.faults)

    def work(self, **values: Any) -> Work:
        """Return what is to be done for a configuration; functions run a package without code."""
        settings = resolve_component(
            DeploymentConfiguration.model_validate(values), self.stack.component, self.stack.environment
        )
        blueprint = BLUEPRINTS[settings.type](self.stack, self.generation, settings)
        package = self.folder / "package.zip"
        package.write_bytes(b"a package")
        artifact = Artifact(sha256(b"a package").hexdigest(), package, "index.handler", "python3.13", 9)
        functions = [it for it in blueprint.resources if isinstance(it, ServerlessFunction)]
        companions = dict.fromkeys((it.package for it in functions if it.package), artifact)
        if any(isinstance(it, StaticSite) for it in blueprint.resources):
            site = make_site_package(self.folder)
            if not functions:
                return Work(self.deployment, blueprint, site)
            companions[SITE_PACKAGE] = site
        return Work(self.deployment, blueprint, replace(artifact, companions=companions) if functions else None)

    async def preview(self, *, refresh: bool = False, **values: Any) -> ChangePlan:
        return await self._engine.preview(replace(self.work(**values), refresh=refresh))

    async def deploy(self, **values: Any) -> ChangePlan:
        """Deploy the configuration and return its plan."""
        work = self.work(**values)
        plan = await self._engine.preview(work)
        applied = await self._engine.apply(work, plan, _discard, ignore_progress)
        if plan.lacks_code:
            await self._engine.publish_code(work, applied, _discard, ignore_progress)
        return plan

    async def destroy(self) -> ChangeCounts:
        """Delete the stack, and return what that changed; its next deployment is another generation."""
        changes = await self._engine.destroy(Removal("removal", self.stack, self.generation), ignore_progress)
        self.generation += 1
        return changes

    async def find_functions(self) -> str:
        """Return the inputs of the deployed functions as text."""
        found = await self.read_resources()
        return "\n".join(str(it.inputs) for it in found if it.type.endswith((":Function", ":WebApp")))

    async def read_resources(self) -> Sequence[DeployedResource]:
        """Return the deployed resources of the stack."""
        if isinstance(self._engine, PulumiEngine):
            return await list_deployed_resources(self._engine, self.stack)
        return await self._engine.read_deployed_resources(self.stack)

    def list_cloud(self) -> list[tuple[str, str]]:
        """Return type and id of everything that the simulated cloud has."""
        return self._open(CLOUDS[self.stack.provider].package, self.stack.region).list_resources()

    async def list_rights(self) -> list[str]:
        """Return what identities of the stack may do: policies, and roles with their scopes."""
        found = await self.read_resources()
        return [str(it.inputs) for it in found if it.type.endswith((":RolePolicy", ":RoleAssignment"))]

    async def list_resources(self) -> list[tuple[str, str]]:
        """Return the deployed resources by type and name, sorted."""
        found = await self.read_resources()
        return sorted((it.type, it.name) for it in found if not it.type.startswith("pulumi:"))

    async def list_logs(self) -> list[tuple[str, str]]:
        """Return the log groups and workspaces of the stack by type and name, sorted."""
        return [it for it in await self.list_resources() if it[0].endswith((":LogGroup", ":Workspace"))]


async def _discard(_: SettledResource) -> None:
    return None
