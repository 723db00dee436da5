"""Packages that hold an image: its own layers, its configuration and its manifest; those of the base are elsewhere.

Source: the OCI image specification 1.1. The same files in the same order give the same layers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.container_images.base_images import (
    OCI_LAYER,
    TARGET_ARCHITECTURE,
    TARGET_OS,
    BaseImage,
)
from semantest_iac.infrastructure.container_images.image_names import ImageName
from semantest_iac.infrastructure.container_images.registry_client import OCI_MANIFEST, compute_blob_digest

_MANIFEST_FILE, _CONFIGURATION_FILE = "manifest.json", "config.json"
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
"""Annotations of a manifest: the name of the base as it was written, and the digest of the one that was taken."""
_CONFIGURATION_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = f"{OCI_LAYER}+gzip"
_FIRST_TIME, _FIRST_ZIP_TIME = "1970-01-01T00:00:00Z", (1980, 1, 1, 0, 0, 0)
_BLOBS = "blobs/"
_LEVEL = 6
_MADE_BY = "semantest-iac"


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What an image says besides its files: what it starts, where, with which variables, and where that listens.

    `path_folders` are put before those of the base in PATH.
    """

    command: Sequence[str]
    folder: str
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)
    path_folders: Sequence[str] = ()


ChooseLayer = Callable[[str], str]
"""Returns the name of the layer of a file by its path."""


class ImageArchive:
    """Writes a package with an image, whose `layers` are in this order; those without a file are left out.

    Call `add` in a fixed order, then `finish` once. Paths are relative to the root of the image.
    """

    def __init__(
        self,
        target: BinaryIO,
        layers: Sequence[str],
        choose_layer: ChooseLayer,
        settings: ImageSettings,
        base_name: str,
        base: BaseImage | None,
    ) -> None:
        self._target = target
        self._exits = ExitStack()
        self._layers = {name: _Layer(name, self._exits) for name in layers}
        self._choose_layer = choose_layer
        self._settings = settings
        self._base_name = base_name
        self._base = base

    def add(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Append one file under a relative path that the caller has checked."""
        self._layers[self._choose_layer(path)].add(path, content, executable=executable)

    def finish(self) -> str:
        """Write the package, and return its sha256 in hex."""
        with self._exits:
            layers = [layer for layer in self._layers.values() if layer.has_files]
            for layer in layers:
                layer.finish()
            configuration = _dump(self._describe_configuration(layers))
            manifest = _dump(self._describe_manifest(layers, configuration))
            draft = self._exits.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by exits
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(zipfile.ZipInfo(_MANIFEST_FILE, _FIRST_ZIP_TIME), manifest)
                archive.writestr(zipfile.ZipInfo(_CONFIGURATION_FILE, _FIRST_ZIP_TIME), configuration)
                for layer in layers:
                    entry = zipfile.ZipInfo(_BLOBS + layer.digest.replace(":", "/"), _FIRST_ZIP_TIME)
                    entry.file_size = layer.size
                    with archive.open(entry, "w") as written:
                        shutil.copyfileobj(layer.packed, written)
            draft.seek(0)
            writer = _HashingWriter(self._target)
            shutil.copyfileobj(draft, writer)
            return writer.digest.hexdigest()

    def _describe_configuration(self, layers: Sequence[_Layer]) -> Mapping[str, Any]:
        """Return the configuration of the base with what is ours; its own entry point does not stay."""
        settings, below = self._settings, dict(self._base.configuration) if self._base else {}
        config = dict(below.get("config") or {})
        config.pop("Entrypoint", None)
        variables = {**(self._base.variables if self._base else {}), **settings.variables}
        if settings.path_folders:
            own_path = variables.get("PATH") or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            variables["PATH"] = ":".join((*settings.path_folders, own_path))
        config |= {
            "Cmd": list(settings.command),
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "ExposedPorts": {f"{settings.port}/tcp": {}},
            "WorkingDir": f"/{settings.folder}",
        }
        history = [{"created": _FIRST_TIME, "created_by": f"{_MADE_BY}: {layer.name}"} for layer in layers]
        return {
            "architecture": TARGET_ARCHITECTURE,
            "os": TARGET_OS,
            "created": _FIRST_TIME,
            "config": config,
            "rootfs": {
                "type": "layers",
                "diff_ids": [*below.get("rootfs", {}).get("diff_ids", ()), *(layer.diff_id for layer in layers)],
            },
            "history": [*(below.get("history") or ()), *history],
        }

    def _describe_manifest(self, layers: Sequence[_Layer], configuration: bytes) -> Mapping[str, Any]:
        own = [{"mediaType": _LAYER_TYPE, "digest": layer.digest, "size": layer.size} for layer in layers]
        found = {BASE_DIGEST: self._base.digest} if self._base else {}
        return {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": _CONFIGURATION_TYPE,
                "digest": compute_blob_digest(configuration),
                "size": len(configuration),
            },
            "layers": [*(self._base.layers if self._base else ()), *own],
            "annotations": {BASE_NAME: self._base_name, **found},
        }


class _Layer:
    """A compressed archive of files with fixed times and owners, in a file of its own until the package is written."""

    def __init__(self, name: str, exits: ExitStack) -> None:
        self.name = name
        self.has_files = False
        self.packed: Any = exits.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by exits
        self.digest = self.diff_id = ""
        self.size = 0
        self._folders: set[str] = set()
        self._zip = gzip.GzipFile("", "wb", _LEVEL, self.packed, mtime=0)
        self._plain = _HashingWriter(self._zip)
        self._tar = tarfile.TarFile(fileobj=cast("Any", self._plain), mode="w", format=tarfile.PAX_FORMAT)

    def add(self, path: str, content: bytes, *, executable: bool) -> None:
        self.has_files = True
        self._add_folders(path)
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), 0o755 if executable else 0o644
        self._tar.addfile(entry, io.BytesIO(content))

    def finish(self) -> None:
        """Complete the archive, and compute its digests."""
        self._tar.close()
        self._zip.close()
        self.diff_id = f"sha256:{self._plain.digest.hexdigest()}"
        self.size = self.packed.tell()
        self.packed.seek(0)
        self.digest = f"sha256:{hashlib.file_digest(self.packed, 'sha256').hexdigest()}"
        self.packed.seek(0)

    def _add_folders(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for length in range(1, len(parts) + 1):
            folder = "/".join(parts[:length])
            if folder not in self._folders:
                self._folders.add(folder)
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                self._tar.addfile(entry)


class _HashingWriter:
    """Passes on what is written, and hashes it."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self._length = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self._length += len(data)
        return int(self._target.write(data))

    def tell(self) -> int:
        return self._length


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in a package: the bytes of its manifest and of its configuration, and which layers are there."""

    path: Path
    manifest: bytes
    configuration: bytes
    own_blobs: frozenset[str]

    @property
    def digest(self) -> str:
        """Return the digest by which clouds run the image."""
        return compute_blob_digest(self.manifest)

    @property
    def layers(self) -> Sequence[Mapping[str, Any]]:
        """Return the layers that the manifest names."""
        found: Sequence[Mapping[str, Any]] = json.loads(self.manifest)["layers"]
        return found

    @property
    def configuration_digest(self) -> str:
        """Return the digest of the configuration, which is a blob like the layers."""
        return compute_blob_digest(self.configuration)

    @property
    def base(self) -> str:
        """Return the name of the base with its digest; empty if it was not asked for."""
        annotations = json.loads(self.manifest)["annotations"]
        if BASE_DIGEST not in annotations:
            return ""
        name = ImageName.parse(annotations[BASE_NAME])
        return str(replace(name, reference=annotations[BASE_DIGEST]))

    @contextmanager
    def open_layer(self, digest: str) -> Iterator[IO[bytes]]:
        """Open one of the layers in the package."""
        with zipfile.ZipFile(self.path) as archive, archive.open(_BLOBS + digest.replace(":", "/")) as file:
            yield file


def read_stored_image(path: Path) -> StoredImage:
    """Read the image of a package; raises ArtifactError."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removeprefix(_BLOBS).replace("/", ":") for name in archive.namelist() if _BLOBS in name]
            return StoredImage(path, archive.read(_MANIFEST_FILE), archive.read(_CONFIGURATION_FILE), frozenset(names))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        message = f"Cannot read the image in '{path}': {getattr(error, 'strerror', None) or error}."
        raise ArtifactError(message, hint="Deploy the source again, which builds its package again.") from error
