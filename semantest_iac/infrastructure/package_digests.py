"""Computes the digest of a package's content, which is its name and decides whether it is intact."""

from __future__ import annotations

from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path


def compute_digest(package: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; an unchanged file is read once. Raises OSError."""
    about = package.stat()
    return _compute_digest(package, about.st_mtime_ns, about.st_size)


def compute_folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all files in a folder. Raises OSError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = (f"{path.relative_to(folder).as_posix()} {compute_digest(path)}\n" for path in files)
    return sha256("".join(lines).encode()).hexdigest()


@lru_cache(maxsize=64)
def _compute_digest(package: Path, _changed_ns: int, _size: int) -> str:
    """Cached over the checks of one command and the registrations of its preview and apply: it may have 50 MB."""
    with package.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
