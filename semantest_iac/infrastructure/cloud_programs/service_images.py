"""Images of services: the configured one, or the one of a package, which is pushed when its repository is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pulumi

from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext
from semantest_iac.infrastructure.container_images.image_pushing import ImagePush
from semantest_iac.infrastructure.container_images.registry_client import RegistryLogin

CreateLogin = Callable[[], pulumi.Input[RegistryLogin]]
"""Logs in to the registry of a stack; it is called where an image is pushed, and nowhere else."""


def provide_image(
    service: ContainerService, repository: pulumi.Input[str], create_login: CreateLogin, context: ProgramContext
) -> pulumi.Input[str]:
    """Return the image of a service by its digest; what depends on the output waits until the image is pushed.

    `repository` is an output of the resource that has to be there first. A preview pushes nothing, and nobody pushes to
    a simulated cloud.
    """
    if service.image:
        return service.image
    package, push_image = context.find_image_package(service.service), context.push_image
    reference = pulumi.Output.concat(repository, "@", package.handler)
    if push_image is None or pulumi.runtime.is_dry_run():
        return reference

    async def push(parts: list[object]) -> str:
        target, login = str(parts[0]), parts[1]
        await asyncio.to_thread(push_image, ImagePush(package.path, target, login, context.stack.provider))  # type: ignore[arg-type]  # of create_login
        return str(parts[2])

    return pulumi.Output.all(repository, create_login(), reference).apply(push)
