"""Keeps packages by the hash of their bytes, and remembers which source gave which package."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO

from semantest_iac.domain.compute.artifact import Artifact


class ArtifactStore:
    """`<home>/artifacts`: `<digest>.zip` files, and under `known/` one small record per source.

    Every write is a rename of a complete file, so processes may share the folder without a lock.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "artifacts"
        self._known = self._folder / "known"

    def keep(self, write: Callable[[BinaryIO], str]) -> tuple[str, Path, int]:
        """Store what `write` writes under the digest that it returns; gives digest, path and size in bytes."""
        with _complete_file(self._folder) as (file, temporary):
            digest = write(file)
            size = file.tell()
        path = self._folder / f"{digest}.zip"
        temporary.replace(path)
        return digest, path, size

    def recall(self, source: str, manifest: str) -> Artifact | None:
        """The package of an unchanged source, if it is still there in full."""
        try:
            record = json.loads((self._known / f"{source}.json").read_text())
            known = _artifact(self._folder, record)
            unchanged = record["manifest"] == manifest and known.path.stat().st_size == known.size
        except (OSError, ValueError, KeyError, TypeError):  # absent, torn or of another version: build again
            return None
        return known if unchanged else None

    def remember(self, source: str, manifest: str, artifact: Artifact) -> None:
        """Record that this state of the source gives this package."""
        record = asdict(replace(artifact, path=Path())) | {"manifest": manifest, "path": ""}
        with _complete_file(self._known) as (file, temporary):
            file.write(json.dumps(record).encode())
        temporary.replace(self._known / f"{source}.json")


@contextmanager
def _complete_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A temporary file in the folder that is on disk when the block ends well, and gone when it does not."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, Path(name)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _artifact(folder: Path, record: dict[str, object]) -> Artifact:
    fields = {name: value for name, value in record.items() if name != "manifest"}
    known = Artifact(**fields)  # type: ignore[arg-type]  # our own record; recall() treats misfits as absent
    return replace(known, path=folder / f"{known.digest}.zip", notes=tuple(known.notes))
