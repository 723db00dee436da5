"""The port of the store that keeps packages by their digests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A package in the store: its size in bytes, and when it was put last, in UTC.

    `is_shared` says that it is where other machines find it too, and not on this one alone.
    """

    digest: str
    size: int
    stored_at: datetime
    is_shared: bool = False


class ArtifactStore(Protocol):
    """Keeps packages by the SHA-256 of their content in hexadecimal digits; every method blocks.

    Raises ArtifactStoreError where the store cannot be used.
    """

    def put(self, digest: str, file: Path) -> None:
        """Keep the package in this file; one that was put a short time ago is not written again.

        Raises ArtifactError if the file is missing, or has another digest.
        """
        ...

    def fetch(self, digest: str) -> Path:
        """Return the file of a package on this machine, complete and with that digest; it must not be changed.

        Raises ArtifactError if the store does not have it, or has it damaged.
        """
        ...

    def list_packages(self) -> list[StoredPackage]:
        """Return every package by its digest, damaged ones too."""
        ...

    def delete(self, digest: str) -> None:
        """Remove a package from the store and from this machine; one that is gone already is no error."""
        ...
