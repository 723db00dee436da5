"""Unpacks each package once, beside the others, for the processes that run it."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from semantest_iac.domain.errors import RuntimeFailedError

LARGEST_UNPACKED = 250 * 1024 * 1024


class PackageCache:
    """`<home>/runtime/<digest>/`; a folder under its final name is complete, whoever was killed meanwhile."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "runtime"

    def folder_of(self, package: Path) -> Path:
        """The unpacked `<digest>.zip`; blocks, and raises RuntimeFailedError for what it cannot unpack."""
        target = self._folder / package.stem
        if target.is_dir():
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(dir=self._folder, prefix=".part-"))
        try:
            _unpack(package, workspace / "package")
            _move(workspace / "package", target)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
        return target


def _move(complete: Path, target: Path) -> None:
    try:
        complete.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was first, and the content is the same
            raise


def _unpack(package: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(package) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                raise _refusal(package, "it is too large")
            target.mkdir()
            for entry in entries:
                _extract(archive, entry, target, package)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _refusal(package, "it is not a complete zip file") from error


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, package: Path) -> None:
    name, mode = PurePosixPath(entry.filename), entry.external_attr >> 16
    is_unsafe = name.is_absolute() or ".." in name.parts or "\\" in entry.filename
    if is_unsafe or stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refusal(package, "it would write outside its folder")
    path = target / name
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.read(entry))
    if mode & 0o111:
        path.chmod(0o755)


def _refusal(package: Path, cause: str) -> RuntimeFailedError:
    hint = "Deploy again: the package is then built anew."
    return RuntimeFailedError(f"Cannot unpack package '{package.name}': {cause}.", hint=hint)
