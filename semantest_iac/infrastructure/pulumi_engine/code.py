"""The way of packages beside Pulumi's engine, which knows resources only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.code import Courier
from semantest_iac.infrastructure.pulumi_engine.states import State

Couriers = Callable[[Stack], Courier | None]
"""Who brings packages to a stack; None where its program carries them."""


def to_real_cloud(stack: Stack) -> Courier | None:
    """With the login of whoever deploys, asked for at the first request."""
    push = cloud(stack.provider).code
    return Courier(push, push.line()) if push else None


def apps_of(state: State) -> Iterator[DeployedResource]:
    """The living resources, what is sealed left sealed: where an app answers is no secret."""
    for it in state.resources:
        if it.get("custom") and not it.get("delete"):
            name = str(it["urn"]).rpartition("::")[2]
            yield DeployedResource(it["type"], name, it.get("outputs") or {}, urn=it["urn"])
