"""The way of packages beside Pulumi's engine, which knows resources only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Held, Progress, Work
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.code import Courier
from semantest_iac.infrastructure.pulumi_engine.states import State

Couriers = Callable[[Stack], Courier | None]
"""Who brings packages to a stack; None where its program carries them."""


def to_real_cloud(stack: Stack) -> Courier | None:
    """With the login of whoever deploys, asked for at the first request."""
    push = cloud(stack.provider).code
    return Courier(push, push.line()) if push else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stack and its courier, both asked for once: reading a state may start the CLI, and every courier logs in."""

    courier: Courier
    state: State

    async def held(self, work: Work) -> Held:
        """How much of the work must wait for code."""
        return await asyncio.to_thread(self.courier.held, work, self._resources)

    async def misses(self, work: Work, plan: ChangePlan) -> bool:
        """Whether anything is to run a package and does not."""
        return await asyncio.to_thread(self.courier.misses, self._resources, work.artifact, plan)

    async def brought(self, artifact: Artifact, progress: Progress) -> None:
        """The package runs."""
        await self.courier.brought(self._resources, artifact, progress)

    @property
    def _resources(self) -> list[DeployedResource]:
        """The living, what is sealed left sealed: where an app answers is no secret."""
        return [
            DeployedResource(it["type"], str(it["urn"]).rpartition("::")[2], it.get("outputs") or {}, urn=it["urn"])
            for it in self.state.living
        ]
