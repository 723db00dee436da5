"""Builds a package for a source, stores it by its digest, and reuses it while the source is unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from semantest_iac.domain.compute.functions import Artifact, FunctionSource
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.recipes import (
    PackageLayer,
    PackageRecipe,
    find_recipe,
    find_required_file,
    resolve_runtime,
)
from semantest_iac.infrastructure.artifacts.source_tree import WalkReport, require_no_faults, walk_source
from semantest_iac.infrastructure.artifacts.zip_archives import ReproducibleZip, read_checked_zip
from semantest_iac.infrastructure.clouds.registry import CLOUDS


class ArtifactStore:
    """`<home>/artifacts`: `<digest>.zip` files, and under `known/` one small record per source.

    Every write is a rename of a complete file, so processes may share the folder without a lock.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "artifacts"
        self._known = self._folder / "known"

    def keep(self, write: Callable[[BinaryIO], str]) -> tuple[str, Path, int]:
        """Store what `write` writes under the digest that it returns; gives digest, path and size in bytes."""
        with _temporary_file(self._folder) as (file, temporary):
            digest = write(file)
            size = file.tell()
        path = self._folder / f"{digest}.zip"
        temporary.replace(path)
        return digest, path, size

    def recall(self, source: str, manifest: str) -> Artifact | None:
        """The package of an unchanged source, if it is still there in full."""
        try:
            record = json.loads((self._known / f"{source}.json").read_text())
            known = _artifact_from_record(self._folder, record)
            unchanged = record["manifest"] == manifest and known.path.stat().st_size == known.size
        except (OSError, ValueError, KeyError, TypeError):  # absent, torn or of another version: build again
            return None
        return known if unchanged else None

    def remember(self, source: str, manifest: str, artifact: Artifact) -> None:
        """Record that this state of the source gives this package."""
        record = asdict(replace(artifact, path=Path())) | {"manifest": manifest, "path": ""}
        with _temporary_file(self._known) as (file, temporary):
            file.write(json.dumps(record).encode())
        temporary.replace(self._known / f"{source}.json")


@contextmanager
def _temporary_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
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


def _artifact_from_record(folder: Path, record: dict[str, object]) -> Artifact:
    fields = {name: value for name, value in record.items() if name != "manifest"}
    known = Artifact(**fields)  # type: ignore[arg-type]  # our own record; recall() treats misfits as absent
    return replace(known, path=folder / f"{known.digest}.zip", notes=tuple(known.notes))


PACKAGER_VERSION = 1  # raise it when the same source must give other bytes
CLOCK_TICK_NS = 50_000_000  # a file written within one tick of the look at it may change unseen


@dataclass(frozen=True, slots=True)
class SourceFingerprint:
    """What a source looked like: the hash of its stamps, and whether that hash can be trusted later."""

    manifest: str
    is_settled: bool


class PackageBuilder:
    """Builds packages under `<home>/artifacts`; an unchanged source costs one walk over its stamps."""

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._store = ArtifactStore(self._home)

    def build(self, source: FunctionSource) -> Artifact:
        """Package the source, or find the package that it gave before; raises ArtifactError."""
        source = replace(source, provider=CLOUDS[source.provider].functions)
        if source.folder is not None and source.folder.suffix == ".zip" and not source.folder.is_dir():
            return self._take(source, source.folder)
        recipe = find_recipe(source, self._home)
        if recipe.root is None:
            return self._make(source, recipe)
        key, state = _source_key(source), _fingerprint_source(recipe.generated, recipe.root)
        known = self._store.recall(key, state.manifest)
        if known:
            return known
        artifact = self._make(source, recipe)
        if state.is_settled:
            self._store.remember(key, state.manifest, artifact)
        return artifact

    def _take(self, source: FunctionSource, path: Path) -> Artifact:
        source = resolve_runtime(source)
        content = read_checked_zip(path, find_required_file(source))

        def write(file: BinaryIO) -> str:
            file.write(content)
            return hashlib.sha256(content).hexdigest()

        digest, stored, size = self._store.keep(write)
        return Artifact(digest, stored, source.handler, source.runtime, size, notes=_size_notes(size, source.provider))

    def _make(self, source: FunctionSource, recipe: PackageRecipe) -> Artifact:
        survey = WalkReport()
        workspaces = self._home / "tmp"
        workspaces.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=workspaces) as workspace:
            layers = recipe.prepare(Path(workspace))
            digest, path, size = self._store.keep(lambda file: _write_package(file, recipe, layers, survey))
        notes = survey.notes() + _size_notes(size, source.provider)
        return Artifact(digest, path, recipe.handler, recipe.runtime, size, notes=notes)


def _fingerprint_source(generated: Mapping[str, bytes], root: PackageLayer) -> SourceFingerprint:
    """Stamp every chosen file; raises ArtifactError when some cannot be packaged."""
    began, survey, manifest = time.time_ns(), WalkReport(), hashlib.sha256()
    for name, content in sorted(generated.items()):
        manifest.update(f"{name}\0{len(content)}\0".encode() + content)
    stamps = [file.stamp() for file in walk_source(root.folder, root.selection, survey)]
    require_no_faults(survey)
    manifest.update("".join(stamps).encode())
    return SourceFingerprint(manifest.hexdigest(), survey.newest_ns + CLOCK_TICK_NS < began)


def _write_package(file: BinaryIO, recipe: PackageRecipe, layers: Sequence[PackageLayer], survey: WalkReport) -> str:
    """Our files first, then the layers; the first layer that has a path wins."""
    archive, written = ReproducibleZip(file), set(recipe.generated)
    for path, content in sorted(recipe.generated.items()):
        archive.add(path, content)
    for number, layer in enumerate(layers):
        for found in walk_source(layer.folder, layer.selection, survey):
            path = layer.prefix + found.path
            if path not in written:
                archive.add(path, found.read(), executable=found.is_executable)
                written.add(path)
            elif number == 0:
                hint = "Rename it: the package needs the name for its own entry."
                survey.faults.append(Fault(found.path, "has the name of a file of ours", hint))
    require_no_faults(survey)
    return archive.finish()


def _source_key(source: FunctionSource) -> str:
    """Names a source and everything besides its files that decides the bytes of its package."""
    folder = str(source.folder.absolute()) if source.folder else ""
    facts = (PACKAGER_VERSION, folder, source.entry, source.handler, source.runtime, source.provider, source.bundled)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _size_notes(size: int, provider: str) -> tuple[str, ...]:
    if provider != "aws" or size <= package_rules.MAX_DIRECT_UPLOAD_BYTES:
        return ()
    limit = package_rules.MAX_DIRECT_UPLOAD_BYTES // package_rules.MEBIBYTE
    return (f"The package is {size // package_rules.MEBIBYTE} MB: over {limit} MB Lambda takes it from S3 only.",)
