"""What becomes of an example in the sandbox: it is created, planned again, changed and destroyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.sites import SITE_PACKAGE
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    Removal,
    ResourceProgress,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac_events.values import ChangeCounts
from tests.kind_examples.example import KindExample
from tests.kind_examples.sites import make_site_package

_LONG_COMPONENT = "kind-example-with-a-name-that-is-long"


def example_stack(provider: str, component: str = "examples") -> Stack:
    """The stack of an example in the cloud's first region."""
    return Stack(component, provider, "development", CLOUDS[provider].regions[0])


@dataclass(frozen=True, kw_only=True)
class KindLife:
    """What happened to one example on one cloud, in this order.

    `resources` are those of the first deployment without the provider, `states` the whole state that Pulumi stores.
    `deleted` are the URNs in the order in which the destroy began with them, and `left` is what the cloud still had.
    """

    example: KindExample
    stack: Stack
    planned: ChangePlan
    created: ApplyResult
    resources: Sequence[DeployedResource]
    states: Sequence[dict[str, Any]]
    again: ChangePlan
    change: ChangePlan
    changed: ApplyResult
    after_change: ChangePlan
    removal: ChangePlan
    removed: ChangeCounts
    deleted: Sequence[str]
    left: Sequence[tuple[str, str]]
    long_named: ChangePlan

    @property
    def own_change(self) -> set[str]:
        """The operations on the kind's own physical resources that the change plans."""
        return {it.op for it in self.change.mutations if f"{self.example.kind.__name__}$" in it.urn}


async def live_through(example: KindExample, provider: str, folder: Path) -> KindLife:
    """Create an example in the sandbox, change it and destroy it, each after its plan."""
    stack, inventory = example_stack(provider), Inventory(folder / "cloud.db")

    def open_cloud(package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, inventory, region=region)

    engine = SandboxEngine(StateStore(folder / "sandbox"), open_cloud, lambda _, secret: f"value of {secret.key}")
    first, changed = (_work(each, folder) for each in (example.blueprint(stack), example.changed_blueprint(stack)))
    long_named = _work(example.blueprint(example_stack(provider, _LONG_COMPONENT)), folder)
    deleted: list[str] = []

    def record_delete(progress: ResourceProgress) -> None:
        if progress.op == "delete" and progress.state == "running":
            deleted.append(progress.urn)

    return KindLife(
        example=example,
        stack=stack,
        planned=(planned := await engine.preview(first)),
        created=await _deploy(engine, first, planned),
        resources=[it for it in await engine.read_deployed_resources(stack) if not it.type.startswith("pulumi:")],
        states=engine.export(stack)["deployment"]["resources"],
        again=await engine.preview(replace(first, refresh=True)),
        change=(change := await engine.preview(changed)),
        changed=await _deploy(engine, changed, change),
        after_change=await engine.preview(changed),
        removal=await engine.preview_destroy(stack),
        removed=await engine.destroy(Removal("removal", stack, 1), record_delete),
        deleted=deleted,
        left=open_cloud(CLOUDS[provider].package, stack.region).list_resources(),
        long_named=await engine.preview(long_named),
    )


async def _deploy(engine: SandboxEngine, work: Work, plan: ChangePlan) -> ApplyResult:
    applied = await engine.apply(work, plan, _discard, ignore_progress)
    return await engine.publish_code(work, applied, _discard, ignore_progress) if plan.lacks_code else applied


def _work(blueprint: Blueprint, folder: Path) -> Work:
    package = folder / "package.zip"
    package.write_bytes(b"a package")
    artifact = Artifact(sha256(package.read_bytes()).hexdigest(), package, "index.handler", "python3.13", 9)
    named = {it.package for it in blueprint.resources if isinstance(it, ServerlessFunction) and it.package}
    companions = {**dict.fromkeys(named, artifact), SITE_PACKAGE: make_site_package(folder)}
    return Work("deployment", blueprint, replace(artifact, companions=companions))


async def _discard(_: SettledResource) -> None:
    """Nobody listens for the events of an example."""
