"""Puts the image of a package into a registry, with the layers of its base, which come from the base's registry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from semantest_iac.domain.errors import ArtifactError, DeploymentError, ProviderError
from semantest_iac.infrastructure.container_images.image_archives import StoredImage, read_stored_image
from semantest_iac.infrastructure.container_images.image_names import ImageName
from semantest_iac.infrastructure.container_images.registry_client import (
    OCI_MANIFEST,
    RegistryClient,
    RegistryError,
    RegistryLogin,
)

_TAG_DIGITS = 12
_BASE_REFUSES = 424  # a status for what depends on something that failed
_RETRY_HINT = "Deploy again: what is in the registry already is not sent again."


@dataclass(frozen=True, slots=True)
class ImagePush:
    """One image on its way: its package, the repository (`registry/path`) of a cloud, and the login to that."""

    package: Path
    repository: str
    login: RegistryLogin
    provider: str


PushImage = Callable[[ImagePush], None]
"""Puts an image into a registry; blocks, and raises DeploymentError."""


def push_image(push: ImagePush, cancelled: threading.Event | None = None) -> None:
    """Put an image into the repository under its digest and under a tag of it, unless it is there.

    Blocks; may be repeated at any time. Without a tag the registry would take it for an image that nobody needs. A push
    that is cancelled ends after the layer under way. Raises DeploymentError.
    """
    image = read_stored_image(push.package)
    if not image.base:
        raise ArtifactError(
            "Cannot push an image: it was made for a simulated cloud, without its base.",
            hint="Deploy the source again, which builds its package again.",
        )
    target = RegistryClient(ImageName.parse(push.repository), push.login)
    try:
        if target.has_manifest(image.digest):
            return
        for layer in image.layers:
            _require_wanted(cancelled)
            _put_layer(image, str(layer["digest"]), int(layer["size"]), target)
        configuration = image.configuration
        target.upload_blob(image.configuration_digest, len(configuration), lambda: nullcontext(configuration))
        _require_wanted(cancelled)
        target.put_manifest(image.manifest, OCI_MANIFEST, _tag_of(image))
    except RegistryError as error:
        raise _push_error(push, target.name, error) from error


def _tag_of(image: StoredImage) -> str:
    return image.digest.partition(":")[2][:_TAG_DIGITS]


def _put_layer(image: StoredImage, digest: str, size: int, target: RegistryClient) -> None:
    if digest in image.own_blobs:
        target.upload_blob(digest, size, partial(image.open_layer, digest))
        return
    source = RegistryClient(ImageName.parse(image.base))
    target.upload_blob(digest, size, partial(_open_base_layer, source, digest))


@contextmanager
def _open_base_layer(source: RegistryClient, digest: str) -> Iterator[IO[bytes]]:
    """Open a layer of the base; raises RegistryError that says whose registry it is about."""
    with ExitStack() as exits:
        try:
            body = exits.enter_context(source.open_blob(digest))
        except RegistryError as error:
            reason = f"the registry of its base, {source.name.registry}, does not give a layer: {error.reason}"
            raise RegistryError(reason, error.status if error.can_retry else _BASE_REFUSES) from error
        yield body


def _require_wanted(cancelled: threading.Event | None) -> None:
    if cancelled is not None and cancelled.is_set():
        raise DeploymentError("The image is not pushed: the deployment was cancelled.", "CANCELLED")


def _push_error(push: ImagePush, name: ImageName, error: RegistryError) -> ProviderError:
    if error.status == 0:
        hint = "Check the network of this machine; a registry with private endpoints is reached from its network alone."
    elif error.status in (401, 403):
        hint = "Whoever deploys needs the right to push: docs/permissions.md has the list."
    else:
        hint = _RETRY_HINT
    where = f"{name.registry}/{name.repository}"
    return ProviderError(
        f"Cannot push an image to '{where}': {error.reason.rstrip('.')}.",
        "PUSH_FAILED",
        provider=push.provider,
        resource=where,
        hint=hint,
    )
