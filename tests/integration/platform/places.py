"""A simulated cloud in which blueprints of the platform are deployed one after the other."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, SettledResource, Work, ignore_progress
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud


class PlatformPlace:
    """Deploys one component in one environment of a cloud, with a configuration of the test's choice."""

    def __init__(self, folder: Path, component: str, provider: str, environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stack = Stack(component, provider, environment, CLOUDS[provider].regions[0])
        self.generation = 1
        self._folder = folder
        self._inventory = Inventory(folder / "cloud.db")
        self._engine = SandboxEngine(StateStore(folder / "sandbox"), self._open, lambda _, secret: f"of {secret.key}")

    def _open(self, package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, self._inventory, region=region)

    def work(self, **values: Any) -> Work:
        """Return what is to be done for a configuration; functions run a package without code."""
        settings = resolve_component(
            DeploymentConfiguration.model_validate(values), self.stack.component, self.stack.environment
        )
        blueprint = BLUEPRINTS[settings.type](self.stack, self.generation, settings)
        package = self._folder / "package.zip"
        package.write_bytes(b"a package")
        artifact = Artifact(sha256(b"a package").hexdigest(), package, "index.handler", "python3.13", 9)
        functions = [it for it in blueprint.resources if isinstance(it, ServerlessFunction)]
        companions = dict.fromkeys((it.package for it in functions if it.package), artifact)
        return Work("deployment", blueprint, replace(artifact, companions=companions) if functions else None)

    async def preview(self, *, refresh: bool = False, **values: Any) -> ChangePlan:
        return await self._engine.preview(replace(self.work(**values), refresh=refresh))

    async def deploy(self, **values: Any) -> ChangePlan:
        """Deploy the configuration and return its plan."""
        work = self.work(**values)
        plan = await self._engine.preview(work)
        applied = await self._apply(work, plan)
        if plan.lacks_code:
            await self._engine.publish_code(work, applied, _discard, ignore_progress)
        return plan

    async def _apply(self, work: Work, plan: ChangePlan, tries: int = 20) -> ApplyResult:
        """Apply a plan, and the rest of it after what the cloud asks to try again, as for a queue's kept name."""
        try:
            return await self._engine.apply(work, plan, _discard, ignore_progress)
        except ProviderError as error:
            if not error.retryable or tries == 0:
                raise
            return await self._apply(work, await self._engine.preview(work), tries - 1)

    async def destroy(self) -> None:
        """Delete the stack; its next deployment is another generation."""
        await self._engine.destroy(Removal("removal", self.stack, self.generation), ignore_progress)
        self.generation += 1

    async def find_functions(self) -> str:
        """Return the inputs of the deployed functions as text."""
        found = await self._engine.read_deployed_resources(self.stack)
        return "\n".join(str(it.inputs) for it in found if it.type.endswith((":Function", ":WebApp")))

    async def list_resources(self) -> list[tuple[str, str]]:
        """Return the deployed resources by type and name, sorted."""
        found = await self._engine.read_deployed_resources(self.stack)
        return sorted((it.type, it.name) for it in found if not it.type.startswith("pulumi:"))


async def _discard(_: SettledResource) -> None:
    return None
