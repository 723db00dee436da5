"""Finds the image on which another one stands: its digest, its layers and its configuration, for one platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.container_images.image_names import ImageName
from semantest_iac.infrastructure.container_images.registry_client import INDEX_TYPES, RegistryClient, RegistryError

TARGET_OS, TARGET_ARCHITECTURE = "linux", "amd64"
"""The platform of every image: tasks of Fargate are X86_64 by default, and Container Apps run no other."""
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_LAYER_TYPES: Mapping[str, str] = {
    OCI_LAYER: OCI_LAYER,
    f"{OCI_LAYER}+gzip": f"{OCI_LAYER}+gzip",
    f"{OCI_LAYER}+zstd": f"{OCI_LAYER}+zstd",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": f"{OCI_LAYER}+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": OCI_LAYER,
}
"""What a layer is called in an OCI manifest, by its type: Docker's own are the same bytes."""
_LARGEST_CONFIGURATION = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image by the digest of its manifest, with the layers that the manifest names and its configuration."""

    name: str
    digest: str
    layers: Sequence[Mapping[str, Any]]
    configuration: Mapping[str, Any]

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the variables that the image sets."""
        given = (str(it).partition("=") for it in self.configuration.get("config", {}).get("Env") or ())
        return {name: value for name, _, value in given}

    def to_bytes(self) -> bytes:
        """Return everything about it in one form."""
        return json.dumps(asdict(self), sort_keys=True).encode()


FindBaseImage = Callable[[str], BaseImage]
"""Finds an image by its name; blocks, and raises ArtifactError."""


def find_base_image(text: str) -> BaseImage:
    """Ask the registry for the image, as anybody may; blocks, and raises ArtifactError in plain words."""
    client = RegistryClient(ImageName.parse(text))
    try:
        return _read_base(text, client)
    except RegistryError as error:
        raise _base_error(text, client.name, error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"Cannot use the base image '{text}': its registry answered with something else than an image."
        raise ArtifactError(message, hint="Name another base.") from error


def _read_base(text: str, client: RegistryClient) -> BaseImage:
    content, media_type, digest = client.read_manifest()
    manifest = json.loads(content)
    if media_type in INDEX_TYPES or "manifests" in manifest:
        digest = _choose_platform(text, manifest["manifests"])
        manifest = json.loads(client.read_manifest(digest)[0])
    configuration = json.loads(client.read_blob(manifest["config"]["digest"], _LARGEST_CONFIGURATION))
    _require_platform(text, f"{configuration['os']}/{configuration['architecture']}")
    layers = [_describe_layer(text, it) for it in manifest["layers"]]
    if len(layers) != len(configuration["rootfs"]["diff_ids"]):
        raise ArtifactError(f"Cannot use the base image '{text}': its layers are not those that it names.")
    return BaseImage(text, digest, layers, configuration)


def _choose_platform(text: str, manifests: Sequence[Mapping[str, Any]]) -> str:
    platforms = {f"{it['platform']['os']}/{it['platform']['architecture']}": it for it in manifests if "platform" in it}
    _require_platform(text, *platforms)
    return str(platforms[f"{TARGET_OS}/{TARGET_ARCHITECTURE}"]["digest"])


def _require_platform(text: str, *found: str) -> None:
    wanted = f"{TARGET_OS}/{TARGET_ARCHITECTURE}"
    if wanted not in found:
        known = ", ".join(sorted({it for it in found if "unknown" not in it})) or "no platform at all"
        message = f"Cannot use the base image '{text}': it is for {known}, and services run on {wanted}."
        raise ArtifactError(message, hint="Name a base that is there for this platform, too.")


def _describe_layer(text: str, layer: Mapping[str, Any]) -> Mapping[str, Any]:
    media_type = _LAYER_TYPES.get(layer["mediaType"])
    if media_type is None:
        kind = str(layer["mediaType"])[:100]
        raise ArtifactError(f"Cannot use the base image '{text}': it has a layer of the unknown kind '{kind}'.")
    return {"mediaType": media_type, "digest": str(layer["digest"]), "size": int(layer["size"])}


def _base_error(text: str, name: ImageName, error: RegistryError) -> ArtifactError:
    """Say which of its reasons a registry has: it is out of reach, does not know the image, or wants a login."""
    if error.status == 0:
        reason = f"the registry {name.registry} does not answer: {error.reason}"
        hint = "Check the network and the proxy of this machine, or name a base of another registry."
    elif error.status == 404:
        reason = f"{name.registry} does not have it: {error.reason}"
        hint = "Check its name and its tag."
    elif error.status in (401, 403):
        reason = f"{name.registry} does not give it to everybody: {error.reason}"
        hint = "A base is read without a login: check its name, or build the image yourself and name it as image."
    else:
        reason, hint = f"{name.registry} says: {error.reason}", "Try again, or name a base of another registry."
    return ArtifactError(f"Cannot use the base image '{text}': {reason.rstrip('.')}.", "BASE_UNAVAILABLE", hint=hint)
