"""The way of packages in the sandbox: the cloud's own client, talking to a service that is played in this process."""

from __future__ import annotations

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.code import Courier, Line
from semantest_iac.infrastructure.sandbox_engine.regions import Clouds
from semantest_iac.infrastructure.simulated_cloud.code_services import code_service


def courier_in(clouds: Clouds, stack: Stack) -> Courier | None:
    """Who brings packages to a stack, or None where its program carries them; time is the cloud's own here."""
    push = cloud(stack.provider).code
    if push is None:
        return None
    package = push.type.partition(":")[0]
    service = code_service(package, clouds(package, stack.region))
    return Courier(push, Line(service, token=lambda: "anybody", wait=lambda seconds: None))
