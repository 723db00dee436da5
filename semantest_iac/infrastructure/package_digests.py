"""Computes the digest of a package's content, which is its name and decides whether it is intact."""

from __future__ import annotations

from functools import lru_cache
from hashlib import file_digest
from pathlib import Path


def compute_digest(package: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; an unchanged file is read once. Raises OSError."""
    about = package.stat()
    return _compute_digest(package, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _compute_digest(package: Path, _changed_ns: int, _size: int) -> str:
    """Cached over the checks of one command and the registrations of its preview and apply: it may have 50 MB."""
    with package.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
