"""The artifact builder: recognise, look up, and only for a changed source install, zip and store."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from semantest_iac.domain.compute.artifact import Artifact, FunctionSource
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.artifacts import limits
from semantest_iac.infrastructure.artifacts.entry_points import wanted_in_zip, with_runtime
from semantest_iac.infrastructure.artifacts.ready_zip import read_zip
from semantest_iac.infrastructure.artifacts.recipes import Layer, Recipe, recipe_for
from semantest_iac.infrastructure.artifacts.source_tree import Survey, walk
from semantest_iac.infrastructure.artifacts.staging import require_clean
from semantest_iac.infrastructure.artifacts.store import ArtifactStore
from semantest_iac.infrastructure.artifacts.zip_file import ZipFile
from semantest_iac.infrastructure.clouds.registry import CLOUDS

PACKAGER_VERSION = 1  # raise it when the same source must give other bytes
CLOCK_TICK_NS = 50_000_000  # a file written within one tick of the look at it may change unseen


@dataclass(frozen=True, slots=True)
class State:
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
        recipe = recipe_for(source, self._home)
        if recipe.root is None:
            return self._make(source, recipe)
        key, state = _key(source), _look(recipe.generated, recipe.root)
        known = self._store.recall(key, state.manifest)
        if known:
            return known
        artifact = self._make(source, recipe)
        if state.is_settled:
            self._store.remember(key, state.manifest, artifact)
        return artifact

    def _take(self, source: FunctionSource, path: Path) -> Artifact:
        source = with_runtime(source)
        content = read_zip(path, wanted_in_zip(source))

        def write(file: BinaryIO) -> str:
            file.write(content)
            return hashlib.sha256(content).hexdigest()

        digest, stored, size = self._store.keep(write)
        return Artifact(digest, stored, source.handler, source.runtime, size, notes=_size_notes(size, source.provider))

    def _make(self, source: FunctionSource, recipe: Recipe) -> Artifact:
        survey = Survey()
        workspaces = self._home / "tmp"
        workspaces.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=workspaces) as workspace:
            layers = recipe.prepare(Path(workspace))
            digest, path, size = self._store.keep(lambda file: _write(file, recipe, layers, survey))
        notes = survey.notes() + _size_notes(size, source.provider)
        return Artifact(digest, path, recipe.handler, recipe.runtime, size, notes=notes)


def _look(generated: Mapping[str, bytes], root: Layer) -> State:
    """Stamp every chosen file; raises ArtifactError when some cannot be packaged."""
    began, survey, manifest = time.time_ns(), Survey(), hashlib.sha256()
    for name, content in sorted(generated.items()):
        manifest.update(f"{name}\0{len(content)}\0".encode() + content)
    stamps = [file.stamp() for file in walk(root.folder, root.selection, survey)]
    require_clean(survey)
    manifest.update("".join(stamps).encode())
    return State(manifest.hexdigest(), survey.newest_ns + CLOCK_TICK_NS < began)


def _write(file: BinaryIO, recipe: Recipe, layers: Sequence[Layer], survey: Survey) -> str:
    """Our files first, then the layers; the first layer that has a path wins."""
    archive, written = ZipFile(file), set(recipe.generated)
    for path, content in sorted(recipe.generated.items()):
        archive.add(path, content)
    for number, layer in enumerate(layers):
        for found in walk(layer.folder, layer.selection, survey):
            path = layer.prefix + found.path
            if path not in written:
                archive.add(path, found.read(), executable=found.is_executable)
                written.add(path)
            elif number == 0:
                hint = "Rename it: the package needs the name for its own entry."
                survey.faults.append(Fault(found.path, "has the name of a file of ours", hint))
    require_clean(survey)
    return archive.finish()


def _key(source: FunctionSource) -> str:
    """Names a source and everything besides its files that decides the bytes of its package."""
    folder = str(source.folder.absolute()) if source.folder else ""
    facts = (PACKAGER_VERSION, folder, source.entry, source.handler, source.runtime, source.provider, source.bundled)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _size_notes(size: int, provider: str) -> tuple[str, ...]:
    if provider != "aws" or size <= limits.DIRECT_UPLOAD_BYTES:
        return ()
    limit = limits.DIRECT_UPLOAD_BYTES // limits.MIB
    return (f"The package is {size // limits.MIB} MB: over {limit} MB Lambda takes it from S3 only.",)
