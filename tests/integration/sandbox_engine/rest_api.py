"""The sandbox engine with a rest-api to deploy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, ReportProgress, ResourceProgress, Work
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac_events.event import StackEvent
from semantest_iac_events.values import ChangeCounts

STACK = Stack("rest-api", "aws", "development", "us-east-1")


def ignore_progress(update: ResourceProgress) -> None: ...


class SandboxHome:
    """A home folder: states, one cloud for all stacks, and the published events."""

    def __init__(self, folder: Path, *, secret: str = "s3cret-value-42") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.inventory = Inventory(folder / "cloud.db")
        self.store = StateStore(folder / "sandbox")
        self.events: list[StackEvent] = []
        self.existing_ids: dict[str, str] = {}  # of external resources
        self._secret = secret
        self.use(self.cloud)
        self.package = folder / "package.zip"
        self.package.write_bytes(b"a package")

    def use(self, clouds: Callable[[str, str], Any]) -> None:
        """Use these clouds from now on."""
        self.engine = SandboxEngine(self.store, clouds, lambda *_: self._secret)

    def cloud(self, package: str, region: str) -> Any:
        return open_simulated_cloud(package, self.inventory, region=region)

    def work(self, configuration: Mapping[str, Any] | None = None, stack: Stack = STACK, generation: int = 1) -> Work:
        """Return the work of a deployment with this configuration."""
        blueprint = blueprint_of(configuration or {}, stack, generation)
        digest = sha256(self.package.read_bytes()).hexdigest()
        guard = Artifact(digest, self.package, "guard.handler", "python3.13", 9)
        artifact = Artifact(digest, self.package, "index.handler", "python3.13", 9, companions={"authorizer": guard})
        return Work(f"deployment of {stack}", blueprint, artifact)

    async def deploy(self, work: Work, progress: ReportProgress = ignore_progress) -> ApplyResult:
        """Preview and apply, as a deployment does."""
        plan = await self.engine.preview(work)
        return await apply_plan(self.engine, work, plan, self, progress)

    async def destroy(
        self, stack: Stack = STACK, generation: int = 1, progress: ReportProgress = ignore_progress
    ) -> ChangeCounts:
        return await self.engine.destroy(Removal("removal", stack, generation), progress)

    async def publish(self, event: StackEvent) -> None:
        await asyncio.sleep(0)
        self.events.append(event)

    def preview(self, work: Work) -> ChangePlan:
        """Return the plan, for callers without an event loop."""
        return asyncio.run(self.engine.preview(work))

    def in_state(self, *stacks: Stack) -> list[tuple[str, str]]:
        """Return type and id of every existing resource according to the states, sorted."""
        states = (state for stack in stacks or (STACK,) for state in self.store.read_snapshot(stack))
        return sorted((state.type, state.id) for state in states if not (state.is_local or state.external))

    def in_cloud(self, region: str = STACK.region) -> list[tuple[str, str]]:
        """Return type and id of every existing resource in the cloud, sorted."""
        return sorted(open_simulated_cloud("aws", self.inventory, region=region).list_resources())


def blueprint_of(configuration: Mapping[str, Any], stack: Stack = STACK, generation: int = 1) -> Blueprint:
    """Build the blueprint of the stack's component from a configuration file's content."""
    settings = resolve_component(
        DeploymentConfiguration.model_validate(configuration), stack.component, stack.environment
    )
    return BLUEPRINTS[stack.component](stack, generation, settings)
