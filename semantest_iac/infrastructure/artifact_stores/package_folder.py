"""Keeps packages as files of a folder: the store of a home, and what this machine has of a shared one."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_store import StoredPackage
from semantest_iac.infrastructure.durable_files import open_draft, publish_draft, remove_file, remove_folder
from semantest_iac.infrastructure.package_digests import compute_digest

PUT_AGAIN_AFTER_S: Final = 12 * 3600
"""A package that is needed again counts as new: well before the day for which new packages are kept."""

SITE_FOLDER: Final = "sites"
"""The folder in which the packages of static sites are unpacked, each under its digest."""

_DIGEST = re.compile("[0-9a-f]{64}")
_CHUNK_BYTES: Final = 1024 * 1024
_SUFFIX: Final = ".zip"


def name_package(digest: str) -> str:
    """Return the file name of a package; raises ArtifactError for a digest that is none, such as a path."""
    if not _DIGEST.fullmatch(digest):
        raise ArtifactError("Cannot find a package: its digest is no SHA-256.", "PACKAGE_MISSING")
    return digest + _SUFFIX


def read_digest(name: str) -> str | None:
    """Return the digest of a package's file name; None for another name."""
    digest = name.removesuffix(_SUFFIX)
    return digest if digest != name and _DIGEST.fullmatch(digest) else None


def package_error(package: str, problem: str) -> ArtifactError:
    """Return the error of a package that is missing or damaged; `package` is its path or URL."""
    code = "PACKAGE_MISSING" if problem == "missing" else "PACKAGE_DAMAGED"
    hint = "Put back a copy of it, or deploy the source that it was built from."
    return ArtifactError(f"Cannot use the package '{package}': it is {problem}.", code, hint=hint)


class PackageFolder:
    """The ArtifactStore of one folder, with files `<digest>.zip`.

    Every write is a rename of a complete file, so processes may share the folder without a lock. `unpacked` is the
    folder with what was unpacked of packages, by their digests.
    """

    def __init__(self, folder: Path, unpacked: Path | None = None) -> None:
        self.folder = folder
        self._unpacked = unpacked

    def path_of(self, digest: str) -> Path:
        """Return where the package is, or would be."""
        return self.folder / name_package(digest)

    def save(self, write: Callable[[BinaryIO], str]) -> tuple[str, Path, int]:
        """Keep what `write` writes under the digest that it returns; returns digest, path and size in bytes."""
        with open_draft(self.folder) as (file, draft):
            digest = write(file)
            size = file.tell()
            path = self.path_of(digest)
            publish_draft(file, draft, path)
        return digest, path, size

    def receive(self, digest: str, chunks: Iterable[bytes], origin: str) -> Path:
        """Keep the content that comes in chunks from `origin`; raises ArtifactError if it has another digest."""

        def write(file: BinaryIO) -> str:
            computed = hashlib.sha256()
            for chunk in chunks:
                computed.update(chunk)
                file.write(chunk)
            if computed.hexdigest() != digest:
                raise package_error(origin, "damaged")
            return digest

        return self.save(write)[1]

    def put(self, digest: str, file: Path) -> None:
        """Keep the package; one that is here already is only marked as needed again."""
        path = self.path_of(digest)
        if not self.holds(digest):
            try:
                self.receive(digest, _read_chunks(file), str(file))
            except FileNotFoundError as error:
                raise package_error(str(file), "missing") from error
        elif time.time() - path.stat().st_mtime > PUT_AGAIN_AFTER_S:
            os.utime(path)

    def fetch(self, digest: str) -> Path:
        """Return the file itself."""
        path = self.path_of(digest)
        if not self.holds(digest):
            raise package_error(str(path), "damaged" if path.exists() else "missing")
        return path

    def holds(self, digest: str) -> bool:
        """Whether the package is here with the content that its digest names."""
        try:
            return compute_digest(self.path_of(digest)) == digest
        except OSError:
            return False

    def list_packages(self) -> list[StoredPackage]:
        """Return the packages; the time of a file is when it was put last."""
        return sorted(self._list_files(), key=lambda package: package.digest)

    def delete(self, digest: str) -> None:
        """Remove the file, and what was unpacked of it."""
        remove_file(self.path_of(digest))
        remove_folder(self.folder / SITE_FOLDER / digest)
        if self._unpacked is not None:
            remove_folder(self._unpacked / digest)

    def _list_files(self) -> Iterator[StoredPackage]:
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                digest = read_digest(entry.name)
                if digest is not None and entry.is_file():
                    with suppress(FileNotFoundError):  # removed meanwhile
                        status = entry.stat()
                        stored_at = datetime.fromtimestamp(status.st_mtime, UTC)
                        yield StoredPackage(digest, status.st_size, stored_at)


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
