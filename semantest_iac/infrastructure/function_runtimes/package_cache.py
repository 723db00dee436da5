"""Unpacks each package once into a folder of its own, for the processes that run it."""

from __future__ import annotations

import logging
import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.durable_files import make_draft_folder, publish_folder
from semantest_iac.infrastructure.package_digests import compute_digest

MAX_CACHED_PACKAGE_BYTES = 250 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile("[0-9a-f]{64}")
_LOG = logging.getLogger(__name__)


class PackageCache:
    """Caches `<home>/runtime/<digest>/`; a folder under its final name is complete, even if a process was killed.

    A folder is compared with its package once for each cache: the package's own list of names, sizes and checksums
    says what must be in it.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "runtime"
        self._checked: set[Path] = set()

    def unpack(self, package: Path) -> Path:
        """Return the folder of an unpacked `<digest>.zip`.

        Blocks, and raises RuntimeFailedError if it cannot be unpacked.
        """
        target = self._folder / package.stem
        if target in self._checked and target.is_dir():
            return target
        is_intact = _has_its_digest(package)
        if target.exists() and is_intact and (fault := _find_unpacked_fault(package, target)):
            _LOG.warning("The unpacked package '%s' is damaged (%s); it is unpacked again.", target, fault)
            with make_draft_folder(self._folder) as workspace:
                target.rename(workspace / "damaged")
        if not target.is_dir():
            if not is_intact:
                raise _unpack_error(package, "it is damaged or missing")
            with make_draft_folder(self._folder) as workspace:
                _unpack_package(package, workspace / "package")
                publish_folder(workspace / "package", target)  # of two processes, the content is the same
        self._checked.add(target)
        return target


def _has_its_digest(package: Path) -> bool:
    """Whether the content of a package has the digest that is its name, if its name is one."""
    if not _DIGEST.fullmatch(package.stem):
        return package.is_file()
    try:
        return compute_digest(package) == package.stem
    except OSError:
        return False


def _find_unpacked_fault(package: Path, folder: Path) -> str:
    """Return the first file of an intact package that is not in the folder as the package has it; empty if all are."""
    if not folder.is_dir():
        return "a file is where its folder should be"
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and not _has_content(folder / entry.filename, entry.file_size, entry.CRC):
                return entry.filename
    return ""


def _has_content(path: Path, size: int, checksum: int) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        found = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found = zlib.crc32(chunk, found)
    except OSError:
        return False
    return found == checksum


def _unpack_package(package: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(package) as archive:
            entries = archive.infolist()
            if any(map(_is_unsafe, entries)):
                raise _unpack_error(package, "it would write outside its folder")
            if sum(entry.file_size for entry in entries) > MAX_CACHED_PACKAGE_BYTES:
                raise _unpack_error(package, "it is too large")
            _make_folders(target, entries)
            for entry in entries:
                if not entry.is_dir():
                    _write_file(target / entry.filename, archive.read(entry), entry.external_attr >> 16)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _unpack_error(package, "it is not a complete zip file") from error


def _is_unsafe(entry: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(entry.filename)
    is_outside = name.is_absolute() or ".." in name.parts or "\\" in entry.filename
    return is_outside or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)


def _make_folders(target: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    names = {entry.filename if entry.is_dir() else entry.filename.rpartition("/")[0] for entry in entries}
    for name in {"", *names}:
        (target / name).mkdir(parents=True, exist_ok=True)


def _write_file(path: Path, content: bytes, mode: int) -> None:
    path.write_bytes(content)
    if mode & 0o111:
        path.chmod(0o755)


def _unpack_error(package: Path, cause: str) -> RuntimeFailedError:
    hint = "Deploy again: the package is then built again."
    return RuntimeFailedError(f"Cannot unpack package '{package.name}': {cause}.", hint=hint)
