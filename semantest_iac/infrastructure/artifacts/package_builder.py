"""Builds a package for a source, keeps it by its digest, and reuses it while the source is unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ArtifactStoreError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource, PackagingRun
from semantest_iac.domain.ports.artifact_store import ArtifactStore
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.builds.source_runtimes import find_runtime_conflicts, split_by_runtime
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner
from semantest_iac.infrastructure.artifacts.layouts import ImagePlan, PackageLayer, PackageRecipe, PreparedLayers
from semantest_iac.infrastructure.artifacts.package_rules import escape_path
from semantest_iac.infrastructure.artifacts.recipes import (
    find_recipe,
    find_required_files,
    holds_match,
)
from semantest_iac.infrastructure.artifacts.source_tree import (
    MOST_NAMED,
    WalkReport,
    name_source_errors,
    note_secret_files,
    require_no_faults,
    walk_source,
)
from semantest_iac.infrastructure.artifacts.zip_archives import (
    ReproducibleZip,
    ZipRules,
    check_functions_app,
    check_zip_entries,
    find_secret_entries,
    read_checked_zip,
    read_route_prefix,
)
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.container_images.base_images import BaseImage, FindBaseImage
from semantest_iac.infrastructure.container_images.image_archives import ImageArchive, read_stored_image
from semantest_iac.infrastructure.durable_files import make_draft_folder, replace_file
from semantest_iac.infrastructure.home_folder import make_home_folder
from semantest_iac.infrastructure.nested_text import parse_json

PACKAGER_VERSION = 4  # raise it when the same source must give other bytes
PYTHON_VERSION = "PYTHON_VERSION"  # by which official images of Python say their version
CLOCK_TICK_NS = 50_000_000  # a file written within one tick of the walk may change unseen


class KnownPackages:
    """Remembers the package of each source, in one small record per source in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, source_key: str, fingerprint: str) -> Artifact | None:
        """Return the package that was built of an unchanged source, without its file."""
        try:
            record = parse_json((self._folder / f"{source_key}.json").read_text())
            known = _artifact_from_record(record)
            unchanged = record["manifest"] == fingerprint and record["inputs"] == _stamp_inputs(
                map(Path, record["inputs"])
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # absent, incomplete or of another version: build again
        return known if unchanged else None

    def record(self, source_key: str, fingerprint: str, artifact: Artifact, inputs: tuple[Path, ...] = ()) -> None:
        """Record that this state of the source, and of the files outside of it, gives this package."""
        fields = asdict(replace(artifact, path=Path())) | {"manifest": fingerprint, "path": ""}
        fields |= {"inputs": _stamp_inputs(inputs)}
        replace_file(self._folder / f"{source_key}.json", json.dumps(fields))


def _artifact_from_record(record: dict[str, object]) -> Artifact:
    fields = {name: value for name, value in record.items() if name not in ("manifest", "inputs")}
    known = Artifact(**fields)  # type: ignore[arg-type]  # our own record; find() treats misfits as absent
    return replace(known, path=Path(), notes=tuple(known.notes))


def _stamp_inputs(paths: Iterable[Path]) -> dict[str, list[int]]:
    """Return size and times of files; nothing for one that is not there."""
    stamps = {}
    for path in paths:
        try:
            status = path.stat()
            stamps[str(path)] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        except OSError:
            stamps[str(path)] = []
    return stamps


@dataclass(frozen=True, slots=True)
class SourceFingerprint:
    """The hash of a source's file stamps; `is_settled` says whether the hash can be trusted later."""

    digest: str
    is_settled: bool


class PackageBuilder:
    """Builds packages into a folder; an unchanged source costs one walk over its file stamps.

    The folder is `<home>/artifacts`; a package that is missing there is taken from the `store`, if one is given.
    Images stand on what `find_base` finds; without it they are for a simulated cloud: nothing is fetched for them, so
    that they have neither a base nor dependencies.
    """

    def __init__(self, home: Path, store: ArtifactStore | None = None, find_base: FindBaseImage | None = None) -> None:
        self._find_base = find_base
        self._home = home.absolute()
        self._folder = PackageFolder(self._home / "artifacts")
        self._known = KnownPackages(self._folder.folder / "known")
        self._store = store or self._folder

    def build(self, source: FunctionSource, run: PackagingRun | None = None) -> Artifact:
        """Build the package of the source, or return the one built before; raises ArtifactError.

        Functions with another runtime than the first have packages of their own.
        """
        with name_source_errors(lambda: self._find_own_folders(source)):
            return self._build_parts(source, run or PackagingRun())

    def _build_parts(self, source: FunctionSource, run: PackagingRun) -> Artifact:
        runner = ProgramRunner(run, source.package.pass_environment)
        parts = split_by_runtime(replace(source, provider=CLOUDS[source.provider].function_layout))
        if path := _find_zip(source):
            packages = [self._use_zip(part, path) for part in parts]
        else:
            recipes, errors = self._find_recipes(parts)
            if conflicts := tuple(find_runtime_conflicts(parts)):
                message = "Cannot package the source: its functions need different runtimes."
                errors.insert(0, ArtifactError(message, faults=conflicts))
            if errors:
                raise _merge_errors(errors)
            packages = [self._build_part(*part, runner) for part in zip(parts, recipes, strict=True)]
        first, *others = packages
        if not others:
            return first
        companions = {name: package for part, package in zip(parts[1:], others, strict=True) for name in part.functions}
        notes = tuple(dict.fromkeys(note for package in packages for note in package.notes))
        return replace(first, companions=companions, notes=notes)

    def _find_recipes(self, parts: Iterable[FunctionSource]) -> tuple[list[PackageRecipe], list[ArtifactError]]:
        """Return the recipes of all parts, or what is wrong with each that has none."""
        recipes, errors = [], []
        for part in parts:
            try:
                recipes.append(find_recipe(part, self._home))
            except ArtifactError as error:
                errors.append(error)
        return recipes, errors

    def _build_part(self, source: FunctionSource, recipe: PackageRecipe, runner: ProgramRunner) -> Artifact:
        """Build the package of the functions with one runtime, or return the one built before."""
        if recipe.root is None:
            return self._build_anew(source, recipe, runner)[0]
        root, base = recipe.root, self._read_base(recipe.image, runner) if recipe.image else None
        if recipe.image:
            recipe = _with_base(recipe, recipe.image, base) if base else _without_dependencies(recipe, root)
        key, fingerprint = _source_key(source), _fingerprint_source(recipe, root)
        known, note = self._known.find(key, fingerprint.digest), ""
        if known:
            path = self._folder.path_of(known.digest)
            was = "damaged" if path.exists() else "missing"
            try:
                return replace(known, path=self._store.fetch(known.digest))
            except (ArtifactError, ArtifactStoreError):
                note = f"The stored package '{path.name}' was {was}; it was built again."
        artifact, inputs = self._build_anew(source, recipe, runner, base)
        if fingerprint.is_settled:
            self._known.record(key, fingerprint.digest, artifact, inputs)
        return replace(artifact, notes=(*artifact.notes, note)) if note else artifact

    def _read_base(self, image: ImagePlan, runner: ProgramRunner) -> BaseImage | None:
        """Ask for the base of an image, once for each package; None where images are for a simulated cloud."""
        if self._find_base is None:
            return None
        with runner.run.report_step("read", f"the base image {image.base}"):
            return self._find_base(image.base)

    def find_packaging_faults(self, source: FunctionSource) -> tuple[Fault, ...]:
        """Return what is wrong with the source as far as it shows without building it; paths are the options' names."""
        try:
            with name_source_errors(lambda: self._find_own_folders(source)):
                return self._find_faults(source)
        except ArtifactError as error:
            return _list_faults(error)

    def _find_faults(self, source: FunctionSource) -> tuple[Fault, ...]:
        try:
            parts = split_by_runtime(replace(source, provider=CLOUDS[source.provider].function_layout))
            if path := _find_zip(source):
                for part in parts:
                    check_zip_entries(path, _find_zip_rules(part))
                return ()
        except ArtifactError as error:
            return _list_faults(error)
        recipes, errors = self._find_recipes(parts)
        faults = [*find_runtime_conflicts(parts), *(fault for error in errors for fault in _list_faults(error))]
        return tuple(dict.fromkeys((*faults, *(fault for recipe in recipes for fault in recipe.missing_programs))))

    def _find_own_folders(self, source: FunctionSource) -> Iterator[Path]:
        """Yield the source, and the local projects that it depends on as far as they can be found."""
        if source.folder is not None:
            yield source.folder
            with suppress(ArtifactError, OSError):
                for recipe in self._find_recipes(split_by_runtime(source))[0]:
                    yield from (layer.folder for layer in recipe.sources)

    def find_packaging_notes(self, source: FunctionSource) -> tuple[str, ...]:
        """Return what is said of secret-looking files when the source is packaged; nothing for one with faults."""
        if path := _find_zip(source):
            return _note_secret_entries(path)
        source = replace(source, provider=CLOUDS[source.provider].function_layout)
        try:
            recipes, _ = self._find_recipes(split_by_runtime(source))
            return note_secret_files(name for one in recipes for name in _find_secret_files(one, one.sources))
        except (ArtifactError, OSError):  # which packaging will say
            return ()

    def find_base_path(self, artifact: Artifact, provider: str) -> str:
        """Return the route prefix of a Functions app, as a path; empty on other clouds. Blocks."""
        if CLOUDS[provider].function_layout != "azure":
            return ""
        prefix = read_route_prefix(artifact.path).strip("/")
        return f"/{prefix}" if prefix else ""

    def _use_zip(self, source: FunctionSource, path: Path) -> Artifact:
        content = read_checked_zip(path, _find_zip_rules(source))
        if source.provider == "azure":
            check_functions_app(path, content, source.runtime)

        def write(file: BinaryIO) -> str:
            file.write(content)
            return hashlib.sha256(content).hexdigest()

        make_home_folder(self._home)
        digest, stored, size = self._folder.save(write)
        notes = (*_note_secret_entries(path), *_size_notes(size, source.provider))
        handlers = {name: code.handler for name, code in source.functions.items()}
        return Artifact(digest, stored, source.handler, source.runtime, size, notes=notes, handlers=handlers)

    def _build_anew(
        self, source: FunctionSource, recipe: PackageRecipe, runner: ProgramRunner, base: BaseImage | None = None
    ) -> tuple[Artifact, tuple[Path, ...]]:
        """Build the package; returns it with the files outside of the source that decided about its content."""
        report = WalkReport(is_bounded=recipe.image is None)
        make_home_folder(self._home)
        with make_draft_folder(self._home / "tmp") as workspace:
            prepared = recipe.prepare(workspace, runner)
            generated = recipe.generated if prepared.generated is None else prepared.generated
            with prepared.exits:
                digest, path, size = self._folder.save(
                    lambda file: _write_package(_open_archive(file, recipe, base), generated, prepared.layers, report)
                )
        looked_at = recipe.sources if recipe.root not in prepared.layers else recipe.sources[1:]
        secrets = note_secret_files((*report.secret_files, *_find_secret_files(recipe, looked_at)))
        is_function = not (source.is_site or recipe.image)
        others = _unused_exclusion_notes(source) + (_size_notes(size, source.provider) if is_function else ())
        notes = report.notes() + secrets + prepared.notes + others + (recipe.image.notes if recipe.image else ())
        handler = read_stored_image(path).digest if recipe.image else recipe.handler
        return Artifact(digest, path, handler, recipe.runtime, size, notes=notes), prepared.inputs


def _find_zip(source: FunctionSource) -> Path | None:
    """Return the path of a source that is a ready package."""
    path = source.folder
    is_zip = path is not None and path.suffix == ".zip" and not path.is_dir()
    return path if is_zip and not (source.is_site or source.image) else None


def _find_zip_rules(source: FunctionSource) -> ZipRules:
    return ZipRules(find_required_files(source), ignores_case=source.provider == "azure")


def _note_secret_entries(path: Path) -> tuple[str, ...]:
    """Return a note on the entries of a ready package that look secret: nothing can be left out of it."""
    if not (names := find_secret_entries(path)):
        return ()
    listed = ", ".join(map(escape_path, names[:MOST_NAMED]))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (f"The archive is deployed as it is, with files that look secret: {listed}{more}.",)


def _list_faults(error: ArtifactError) -> tuple[Fault, ...]:
    return error.faults or (Fault("source", error.message, error.hint),)


def _merge_errors(errors: Sequence[ArtifactError]) -> ArtifactError:
    """Return one error with the faults of all; one alone stays as it is."""
    faults = dict.fromkeys(fault for error in errors for fault in _list_faults(error))
    return errors[0] if len(errors) == 1 else ArtifactError(errors[0].message, faults=tuple(faults))


def _find_secret_files(recipe: PackageRecipe, layers: Iterable[PackageLayer]) -> Iterator[str]:
    """Yield the secret-looking files that are left out of the person's own folders, relative to the source."""
    for layer in layers:
        report = WalkReport(is_bounded=False)
        deque(walk_source(layer.folder, layer.file_filter, report, layer.boundary), maxlen=0)
        around = os.path.relpath(layer.folder.resolve(), recipe.sources[0].folder.resolve())
        yield from (path if around == "." else f"{around}/{path}" for path in report.secret_files)


def _fingerprint_source(recipe: PackageRecipe, root: PackageLayer) -> SourceFingerprint:
    """Hash the stamp of every selected file; raises ArtifactError when some cannot be packaged."""
    started_ns, digest = time.time_ns(), hashlib.sha256()
    report = WalkReport(is_bounded=not recipe.is_transformed)
    for name, content in sorted(recipe.generated.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    for content in recipe.facts:
        digest.update(f"{len(content)}\0".encode() + content)
    for layer in (root, *recipe.watched):
        stamps = [file.stamp() for file in walk_source(layer.folder, layer.file_filter, report, layer.boundary)]
        secrets = "\0".join(report.secret_files)  # one that is new is said, although the package stays the same
        digest.update(f"{layer.prefix}\0{''.join(stamps)}\0{secrets}\0".encode(errors="surrogateescape"))
        require_no_faults(report)
        report.unpacked_bytes = 0  # the limit is that of the package, and other layers may be in it only in part
    return SourceFingerprint(digest.hexdigest(), report.newest_ns + CLOCK_TICK_NS < started_ns)


class _PathRegistry:
    """The paths of a package: each is one file, and none of them is a file and a folder."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        for path in files:
            self.add(path)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def add(self, path: str) -> None:
        self._files.add(path)
        while (path := path.rpartition("/")[0]) and path not in self._folders:
            self._folders.add(path)

    def find_file_folder_conflict(self, path: str) -> str:
        """Return the path that is a file here and a folder there; empty without one."""
        if path in self._folders:
            return path
        while path := path.rpartition("/")[0]:
            if path in self._folders:
                return ""
            if path in self._files:
                return path
        return ""


def _without_dependencies(recipe: PackageRecipe, root: PackageLayer) -> PackageRecipe:
    """Return the recipe of an image that has the files of its source alone."""
    layers = PreparedLayers((root,))
    return replace(recipe, watched=(), facts=(), prepare=lambda workspace, runner: layers)


def _with_base(recipe: PackageRecipe, image: ImagePlan, base: BaseImage) -> PackageRecipe:
    """Return the recipe, which another base makes another one; raises ArtifactError for one with another Python."""
    version = base.variables.get(PYTHON_VERSION, "")
    if image.python and version and not f"{version}.".startswith(f"{image.python}."):
        reason = f"it has Python {version}, and its name says {image.python}, for which dependencies are installed"
        raise ArtifactError(f"Cannot use the base image '{image.base}': {reason}.", hint="Name another base.")
    return replace(recipe, facts=(*recipe.facts, base.to_bytes()))


def _open_archive(file: BinaryIO, recipe: PackageRecipe, base: BaseImage | None) -> ReproducibleZip | ImageArchive:
    image = recipe.image
    if image is None:
        return ReproducibleZip(file)
    return ImageArchive(file, image.layers, image.choose_layer, image.settings, image.base, base)


def _write_package(
    archive: ReproducibleZip | ImageArchive,
    generated: Mapping[str, bytes],
    layers: Sequence[PackageLayer],
    report: WalkReport,
) -> str:
    """Write our files first, then the layers; the first layer that has a path wins."""
    written = _PathRegistry(generated)
    for path, content in sorted(generated.items()):
        archive.add(path, content)
    for index, layer in enumerate(layers):
        for found in walk_source(layer.folder, layer.file_filter, report, layer.boundary):
            path = layer.prefix + found.path
            if conflict := written.find_file_folder_conflict(path):
                reason = f"'{escape_path(conflict)}' would be a file and a folder in the package"
                report.faults.append(Fault(escape_path(path), reason, "Rename one of them."))
            elif path not in written:
                archive.add(path, found.read(), executable=found.is_executable)
                written.add(path)
            elif index == 0:
                hint = "Rename it: the package needs the name for its own entry."
                report.faults.append(Fault(found.path, "has the name of a file that the package adds", hint))
    require_no_faults(report)
    return archive.finish()


def _unused_exclusion_notes(source: FunctionSource) -> tuple[str, ...]:
    """Return a note for patterns that leave nothing out; modules may not be installed in the source itself."""
    written = (pattern for pattern in source.package.exclude if "node_modules" not in pattern)
    unused = [pattern for pattern in written if source.folder and not holds_match(source.folder, pattern)]
    return (f"package.exclude leaves nothing out with {', '.join(map(repr, unused))}.",) if unused else ()


def _source_key(source: FunctionSource) -> str:
    """Return a hash of everything besides the files that decides the bytes of the package."""
    folder = str(source.folder.absolute()) if source.folder else ""
    facts: tuple[object, ...] = (
        PACKAGER_VERSION,
        folder,
        source.entry,
        source.handler,
        source.app,
        source.runtime,
        source.provider,
        source.bundled,
    )
    functions = {name: asdict(code) for name, code in source.functions.items()}
    facts += (asdict(source.package), source.build, *([functions] if functions else []))
    facts += ("messages",) if source.has_messages else ()
    facts += ("calls",) if source.has_calls else ()
    facts += ("site", source.output) if source.is_site else ()
    facts += ("image", asdict(source.image)) if source.image else ()
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _size_notes(size: int, provider: str) -> tuple[str, ...]:
    if provider != "aws" or size <= package_rules.MAX_DIRECT_UPLOAD_BYTES:
        return ()
    limit = package_rules.MAX_DIRECT_UPLOAD_BYTES // package_rules.MEBIBYTE
    return (f"The package is {size // package_rules.MEBIBYTE} MB: over {limit} MB Lambda takes it from S3 only.",)
