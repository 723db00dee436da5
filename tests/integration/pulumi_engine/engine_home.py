"""Pulumi's engine in a home folder, with a simulated cloud attached and a rest-api to deploy."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, ReportProgress, ResourceProgress, Work
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import SIMULATED_ACCOUNT
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers
from semantest_iac_events.event import StackEvent
from semantest_iac_events.values import ChangeCounts

STACK = Stack("rest-api", "aws", "development", "us-east-1")
SECRET = "canary-5ecre7-value"

Clouds = Callable[[str, str], Any]


def ignore_progress(progress: ResourceProgress) -> None:
    pass


class EngineHome:
    """One home folder with its engine, one simulated cloud for all stacks, and the published events."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        clouds: Clouds | None = None,
        grace_s: float = 10,
        settings: BackendSettings | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.inventory = Inventory(folder / "cloud.db")
        self.events: list[StackEvent] = []
        self.settings = settings or BackendSettings(folder / "pulumi", deadline_s=120, grace_s=grace_s)
        self._clouds = clouds or self.cloud
        self.supervisor = EngineProcessSupervisor(self.settings, lambda *_: SECRET, self.attach_provider, variables)
        self.engine = PulumiEngine(self.supervisor, self.find_created)
        self.package = folder / "package.zip"
        self.package.write_bytes(b"a package")

    def cloud(self, package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, self.inventory, region=region)

    def attach_provider(self, provider: str) -> AbstractAsyncContextManager[str]:
        """Serve the simulated cloud as a provider of the engine."""
        cloud = CLOUDS[provider]
        return serve_simulated_providers(self._clouds, cloud.regions[0], (cloud.package,))

    def find_created(self, create: PendingCreate) -> str | None:
        """The id of what the create made, by the owner that the provider recorded."""
        with self.inventory.read_without_transaction() as reader:
            return next(
                (row.id for row in reader.list_by_owner_prefix(f"{create.urn}#") if row.id not in create.known_ids),
                None,
            )

    def work(self, configuration: Mapping[str, Any] | None = None, stack: Stack = STACK, generation: int = 1) -> Work:
        """The work of a deployment of a configuration."""
        settings = resolve_component(
            DeploymentConfiguration.model_validate(configuration or {}), stack.component, stack.environment
        )
        digest = sha256(self.package.read_bytes()).hexdigest()
        artifact = Artifact(digest, self.package, "index.handler", "python3.13", 9)
        return Work(f"deployment of {stack}", build_rest_api(stack, generation, settings), artifact)

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

    def live_resources(self, region: str = STACK.region) -> list[tuple[str, str]]:
        """Type and id of every resource in the account, sorted."""
        return sorted(self.cloud("aws", region).list_resources())

    def describe_resources(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and inputs of every resource, sorted by type and id, without the numbers of functions' versions."""
        with self.inventory.read_without_transaction() as reader:
            found = sorted(reader.list_all(SIMULATED_ACCOUNT), key=lambda row: (row.address.type, row.id))
        return [(row.address.type, {**row.inputs, "functionVersion": ""}) for row in found]

    def leftover_runs(self) -> Iterator[Path]:
        """The folders of runs that were not removed."""
        return (self.settings.folder / "runs").iterdir()


def cli_variables() -> dict[str, str]:
    """The variables by which the CLI is found, and those that workers need."""
    return {name: os.environ[name] for name in ("HOME", "PATH", "XDG_CACHE_HOME") if name in os.environ}
