"""Recognizes the language and the entry point of a source and decides how its package is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.builds.bundles import (
    Bundle,
    BundleSource,
    bundled_name,
    find_bundler_version,
    find_kept_modules,
    find_missing_programs,
    needs_bundling,
)
from semantest_iac.infrastructure.artifacts.builds.entry_points import (
    PYTHON_RUNTIME,
    REQUIREMENTS_FILE,
    EntryPoint,
    find_entry_points,
    require_entry_files,
)
from semantest_iac.infrastructure.artifacts.builds.module_copies import find_module_places
from semantest_iac.infrastructure.artifacts.builds.project_modules import ProjectModules, bundle_with_modules
from semantest_iac.infrastructure.artifacts.builds.service_images import find_image_recipe
from semantest_iac.infrastructure.artifacts.builds.site_packages import find_site_recipe
from semantest_iac.infrastructure.artifacts.builds.source_builds import (
    SourceBuild,
    include_entry_points,
    run_source_build,
)
from semantest_iac.infrastructure.artifacts.builds.source_runtimes import NODE_RUNTIME
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, PathPatterns
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner, describe_variables
from semantest_iac.infrastructure.artifacts.layouts import (
    APPLICATION_FILES,
    CALL_ADDITIONS,
    MESSAGE_ADDITIONS,
    TOKEN_FILES,
    WEB_PUBSUB_FILES,
    PackageLayer,
    PackageLayout,
    PackageRecipe,
    PreparedLayers,
    find_layout,
    find_node_layers,
    read_payload,
)
from semantest_iac.infrastructure.artifacts.node_modules import (
    LOCAL_FILTER,
    ProjectCopy,
    find_local_packages,
    install_functions_library,
    needs_node_install,
)
from semantest_iac.infrastructure.artifacts.package_rules import escape_path
from semantest_iac.infrastructure.artifacts.requirements.python_requirements import (
    BUILD_FILTER,
    find_unread_requirements,
    install_requirements,
    plan_requirements,
)
from semantest_iac.infrastructure.artifacts.zip_archives import RequiredFile

_HANDLER_HINT = "The handler is written <file>.<function>, relative to the root of the archive."
_FUNCTIONS_APP_FILE = RequiredFile(
    ("host.json",),
    "host.json",
    "Azure runs a whole Functions app: zip the content of its folder, and not the folder itself.",
)
BUNDLED_RUNTIME = "python3.13"
BUNDLED_SERVICES: Mapping[tuple[str, str], tuple[str, Mapping[str, tuple[str, ...]]]] = {
    ("health_service", "aws"): ("service.handler", {"health_service": ()}),
    ("health_service", "azure"): ("service.handler", {"health_service": ()}),
    ("message_worker", "aws"): ("worker.handler", {"message_worker": ()}),
    ("message_worker", "azure"): ("worker.handler", {"message_worker": ()}),
    ("websocket_authorizer", "aws"): ("semantest_authorizer.handler", {"websocket_authorizer": ()}),
    ("websocket_authorizer", "azure"): (
        "semantest_admission.handler",
        {**TOKEN_FILES, "websocket_azure": WEB_PUBSUB_FILES},
    ),
    ("websocket_service", "aws"): ("semantest_websocket.handler", {"websocket_service": ()}),
    ("websocket_service", "azure"): (
        "semantest_websocket.handler_on_azure",
        {
            "websocket_service": ("semantest_protocol.py", "semantest_websocket.py"),
            "websocket_azure": ("semantest_tables.py",),
        },
    ),
}
"""By service and cloud: its handler, and the files of its payloads (none named: all of them)."""
WEBSOCKET_SERVICE = "websocket_service"
"""The service that is packaged for the `websocket` component if the user names no source."""
SERVICES_WITHOUT_SECRETS = ("health_service",)
SOURCE_MAPS = {"sourceMaps": "on"}
"""The setting with which stack traces name the places that were written, and not those in what a build made."""
MODULE_RECORDS = (".package-lock.json", ".modules.yaml", ".yarn-integrity", ".yarn-state.yml")
NPM_PROJECT_FILES = ("package.json", "package-lock.json")
UNUSED_LIBRARY_PATHS = tuple(  # two thirds of its bytes, and no code loads them
    f"node_modules/@azure/{module}/{folder}"
    for module in ("functions", "functions-extensions-base")
    for folder in ("src", "types", "dist/azure-functions.js.map", "dist/azure-functions.min.js.map")
)


def find_required_files(source: FunctionSource) -> list[RequiredFile]:
    """Return the files that a ready zip must hold; on Azure that is the app's host.json and not a handler."""
    if source.provider == "azure":
        return [_FUNCTIONS_APP_FILE]
    points = find_entry_points(replace(source, entry=""))
    return [RequiredFile(point.files, point.option, _HANDLER_HINT) for point in points]


def find_recipe(source: FunctionSource, home: Path) -> PackageRecipe:
    """Return the recipe of a source that is not a ready zip and whose runtime is known.

    Raises ArtifactError with every fault.

    `home` is our own state: it never enters a package, even if it lies inside the source.
    """
    if source.folder is None:
        return _bundled_recipe(source)
    if source.is_site:
        return find_site_recipe(source, source.folder, _relative_home(home, source.folder))
    if source.image:
        return find_image_recipe(source, source.image, home, _relative_home(home, source.folder))
    if not source.folder.is_dir():
        hint = "Name a folder or a .zip file, relative to where the command runs."
        name = escape_path(str(source.folder))
        reason = "it is neither a folder nor a .zip file" if source.folder.exists() else "there is no such folder"
        raise ArtifactError(f"Cannot package source '{name}': {reason}.", hint=hint)
    folder = source.folder
    if not source.build:  # which may make them
        _require_included_files(source, folder)
    file_filter = FileFilter(
        _relative_home(home, folder),
        excluded=PathPatterns(source.package.exclude),
        included=PathPatterns(source.package.include),
    )
    is_node = NODE_RUNTIME.fullmatch(source.runtime) is not None
    if not is_node and not PYTHON_RUNTIME.fullmatch(source.runtime):
        faults = [Fault("runtime", f"'{source.runtime}' is neither python3.N nor nodejsN.x")]
        raise ArtifactError("Cannot package the source: its runtime is not supported.", faults=faults)
    place = SourcePlace(folder, file_filter, home)
    if source.build:
        recipe = _built_recipe(source, place, is_node=is_node)
    else:
        recipe = _node_recipe(source, place) if is_node else _python_recipe(source, place)
    return replace(recipe, sources=(PackageLayer(folder, _own_files(place)), *_local_sources(folder, is_node=is_node)))


def _local_sources(folder: Path, *, is_node: bool) -> Iterator[PackageLayer]:
    """Yield the local projects that are copied, built and installed with a source."""
    if is_node and needs_node_install(folder):
        yield from (PackageLayer(package, LOCAL_FILTER) for package in find_local_packages(folder))
    elif not is_node:
        yield from (PackageLayer(project, BUILD_FILTER) for project in _find_local_projects(folder))


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """The folder that is packaged, the filter of its files, and the folder in which its links may lead.

    `origin` is the source that the folder is a built copy of.
    """

    folder: Path
    file_filter: FileFilter
    home: Path
    around: Path | None = None
    origin: Path | None = None


def _built_recipe(source: FunctionSource, place: SourcePlace, *, is_node: bool) -> PackageRecipe:
    """Return the recipe of a source that its own build completes: what the build leaves is packaged as a source is."""
    layout, points = _source_layout(source, "nodejs" if is_node else "python"), find_entry_points(source)
    build = SourceBuild(
        place.folder, source.build, points, is_node, place.file_filter.excluded_paths, place.file_filter.included
    )
    build.split_commands()
    find_complete_recipe = _node_recipe if is_node else _python_recipe

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        built = run_source_build(build, workspace / "build", runner)
        _require_included_files(source, built.folder)
        file_filter = include_entry_points(place.file_filter, points, built.folder)
        built_place = SourcePlace(built.folder, file_filter, place.home, built.around, origin=place.folder)
        complete = find_complete_recipe(source, built_place)
        prepared = complete.prepare(workspace / "package", runner)
        inputs = tuple(path for path in prepared.inputs if not path.is_relative_to(workspace.resolve()))
        return replace(prepared, generated=complete.generated, inputs=inputs)

    root = PackageLayer(place.folder, build.file_filter)
    packages = (PackageLayer(one, LOCAL_FILTER) for one in find_local_packages(place.folder))
    projects = (PackageLayer(one, BUILD_FILTER) for one in _find_local_projects(place.folder))
    watched = (*packages, *(() if is_node else projects))
    facts = (*map(str.encode, source.build), describe_variables(source.package.pass_environment))
    facts += (*_module_records(place.folder), find_bundler_version().encode())
    return PackageRecipe(layout.handler, source.runtime, {}, root, watched, facts, True, prepare=prepare)


def _find_local_projects(folder: Path) -> tuple[Path, ...]:
    """Return the projects that requirements.txt names, as far as it can be read before a build."""
    try:
        plan = plan_requirements(folder / REQUIREMENTS_FILE)
    except ArtifactError:  # the build may complete it; if not, the package is refused after it
        return ()
    return plan.folders if plan else ()


def _entry_settings(
    points: Sequence[EntryPoint], folder: Path, added: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the settings that name what to load: a handler or app as written, an entry by its file or its bundle.

    `added` are settings of every function.
    """
    functions = {point.function: {point.key: point.name, **added} for point in points if point.function}
    settings: dict[str, Any] = {**({"functions": functions} if functions else {}), **added}
    for point in points:
        file = point.find_file(folder)
        if point.option == "entry":
            settings["entry"] = bundled_name(folder, file) if needs_bundling(file) else file
        elif not point.function:
            settings[point.option] = point.name
    return settings


def _module_records(folder: Path) -> Iterator[bytes]:
    """Yield what package managers record of the modules that they installed in the source."""
    for name in MODULE_RECORDS:
        record = folder / "node_modules" / name
        yield record.read_bytes() if record.is_file() else b""


def _bundled_recipe(source: FunctionSource) -> PackageRecipe:
    runtime = source.runtime if PYTHON_RUNTIME.fullmatch(source.runtime) else BUNDLED_RUNTIME
    layout = _source_layout(source, "python")
    handler, payloads = BUNDLED_SERVICES[source.bundled, source.provider]
    found = (file for folder, names in payloads.items() for file in read_payload(folder, *names))
    service = {layout.source + name: content for name, content in found}
    if layout.calls_handlers and source.bundled in SERVICES_WITHOUT_SECRETS:
        return PackageRecipe(handler, runtime, service)
    named = {"functions": {name: {"handler": handler} for name in source.functions}} if source.functions else {}
    return PackageRecipe(layout.handler, runtime, service | layout.generated_files(handler=handler, **named))


def _require_included_files(source: FunctionSource, folder: Path) -> None:
    """Raise ArtifactError for what `package.include` names and the source does not hold."""
    is_installing = needs_node_install(folder, with_dev=True)
    named = (name for name in source.package.include if not (is_installing and find_kept_modules((name,))))
    missing = [name for name in named if not holds_match(folder, name)]
    if missing:
        faults = [Fault("package.include", f"the source holds no '{escape_path(name)}'") for name in missing]
        raise ArtifactError("Cannot package the source: files that it should include are missing.", faults=faults)


def holds_match(folder: Path, pattern: str) -> bool:
    """Return whether a pattern of `package` means something in the folder."""
    return next(folder.glob(pattern.strip("/").replace("[", "[[]")), None) is not None


def _python_recipe(source: FunctionSource, place: SourcePlace) -> PackageRecipe:
    if source.entry:
        fault = Fault("entry", "is for Node servers", "Name a handler such as app.handler instead.")
        raise ArtifactError("Cannot package the source: a Python function has no entry.", faults=[fault])
    points = find_entry_points(source)
    require_entry_files(place.folder, points)
    layout, version = _source_layout(source, "python"), (3, int(source.runtime.rpartition(".")[2]))
    root = PackageLayer(place.folder, place.file_filter, layout.source, place.around)
    plan = plan_requirements(place.folder / REQUIREMENTS_FILE, place.origin, needs_adapters=source.has_application)
    passed = source.package.pass_environment

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        if plan is None:
            return PreparedLayers((root,), find_unread_requirements(place.folder))
        site, notes = install_requirements(plan, workspace, version, runner, place.home)
        installed = replace(place.file_filter, excluded_paths=frozenset(), is_installed=True)
        notes += find_unread_requirements(place.folder)
        return PreparedLayers((root, PackageLayer(site, installed, layout.site)), notes)

    generated = layout.generated_files(**_entry_settings(points, place.folder))
    if plan is None:
        return PackageRecipe(layout.handler, source.runtime, generated, root, prepare=prepare)
    watched = tuple(PackageLayer(project, BUILD_FILTER) for project in plan.folders)
    facts = (*plan.fingerprint_files(), describe_variables(passed))
    return PackageRecipe(layout.handler, source.runtime, generated, root, watched, facts, prepare=prepare)


def _node_recipe(source: FunctionSource, place: SourcePlace) -> PackageRecipe:
    points = find_entry_points(source)
    require_entry_files(place.folder, points)
    if any(needs_bundling(point.find_file(place.folder)) for point in points):
        return _bundle_recipe(source, place, points)
    folder, layout = place.folder, _source_layout(source, "nodejs")
    root, *linked = find_node_layers(folder, place.around or folder, place.file_filter, layout.source)
    passed, is_installing = source.package.pass_environment, needs_node_install(folder)

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        library = _install_library_layer(layout, workspace / "library", runner)
        if not is_installing:
            return PreparedLayers((root, *linked, *library))
        with ExitStack() as exits:
            copy = _project_modules(place, workspace, runner, exits).install()
            layers = (*_installed_layers(copy, place, layout.source), *library)
            held = exits.pop_all()
        return PreparedLayers(layers, exits=held)

    others = (
        tuple(PackageLayer(one, LOCAL_FILTER) for one in find_local_packages(folder))
        if is_installing
        else tuple(linked)
    )
    facts = (describe_variables(passed),) if is_installing else ()
    generated = layout.generated_files(**_entry_settings(points, folder, SOURCE_MAPS if source.build else {}))
    return PackageRecipe(layout.handler, source.runtime, generated, root, others, facts, prepare=prepare)


def _project_modules(place: SourcePlace, workspace: Path, runner: ProgramRunner, exits: ExitStack) -> ProjectModules:
    return ProjectModules(place.folder, place.file_filter, place.home, workspace, runner, exits)


def _installed_layers(copy: ProjectCopy, place: SourcePlace, prefix: str) -> tuple[PackageLayer, ...]:
    """Return the layers of a project and its installed modules; a kept installation has none of the project's files."""
    modules = find_node_layers(copy.folder, copy.around, place.file_filter, prefix)
    if copy.has_files:
        return modules
    return (PackageLayer(place.folder, _own_files(place), prefix, place.around), *modules)


def _own_files(place: SourcePlace) -> FileFilter:
    return replace(place.file_filter, excluded_paths=place.file_filter.excluded_paths | {"node_modules"})


def _bundle_recipe(source: FunctionSource, place: SourcePlace, points: Sequence[EntryPoint]) -> PackageRecipe:
    """Return the recipe of entry points in TypeScript: their bundles, the packages that stay outside, other files.

    The modules of the source are packaged where an entry point in JavaScript needs them.
    """
    folder, layout = place.folder, _source_layout(source, "nodejs")
    files = tuple(point.find_file(folder) for point in points)
    bundle_source = BundleSource(
        folder,
        tuple(dict.fromkeys(filter(needs_bundling, files))),
        source.runtime,
        source.provider,
        kept=find_kept_modules(source.package.include),
    )
    has_plain_files = not all(map(needs_bundling, files))

    def prepare(workspace: Path, runner: ProgramRunner) -> PreparedLayers:
        library = _install_library_layer(layout, workspace / "library", runner)
        with ExitStack() as exits:
            modules = _project_modules(place, workspace, runner, exits)
            bundle, production = bundle_with_modules(bundle_source, modules)
            if has_plain_files:
                layers = (
                    _installed_layers(production, place, layout.source)
                    if production
                    else find_node_layers(folder, folder, place.file_filter, layout.source)
                )
            else:
                own = PackageLayer(folder, _own_files(place), layout.source, place.around)
                layers = (own, *_outside_layers(bundle, place, layout.source))
            held = exits.pop_all()
        made = PackageLayer(bundle.folder, FileFilter(is_installed=True), layout.source)
        return PreparedLayers((*layers, made, *library), bundle.notes, bundle.inputs, exits=held)

    root = PackageLayer(folder, replace(_own_files(place), excluded=PathPatterns(), included=PathPatterns()))
    watched = tuple(PackageLayer(one, LOCAL_FILTER) for one in find_local_packages(folder))
    facts = (
        describe_variables(source.package.pass_environment),
        find_bundler_version().encode(),
        *_module_records(folder),
    )
    generated = layout.generated_files(**_entry_settings(points, folder, SOURCE_MAPS))
    missing = find_missing_programs(bundle_source, place.home / "tools")
    return PackageRecipe(layout.handler, source.runtime, generated, root, watched, facts, True, missing, prepare)


def _outside_layers(bundle: Bundle, place: SourcePlace, prefix: str) -> Iterator[PackageLayer]:
    """Yield the packages that stay outside of a bundle, with what they need, where Node finds them."""
    own = place.folder.resolve()
    for at, folder in find_module_places(bundle.packages).items():
        is_installed = not folder.is_relative_to(own) or "node_modules" in folder.relative_to(own).parts
        inside = FileFilter(excluded=place.file_filter.excluded, is_installed=is_installed, place=f"{at}/")
        yield PackageLayer(folder, inside, f"{prefix}{at}/")


def _source_layout(source: FunctionSource, language: str) -> PackageLayout:
    layout = find_layout(source.provider, language, for_sockets=source.bundled == WEBSOCKET_SERVICE)
    if source.has_messages:
        layout = layout.with_messages(MESSAGE_ADDITIONS.get((source.provider, language), {}))
    if source.has_calls:
        layout = layout.with_payloads(CALL_ADDITIONS.get((source.provider, language), {}))
    return layout.with_payloads(APPLICATION_FILES) if source.has_application else layout


def _install_library_layer(layout: PackageLayout, workspace: Path, runner: ProgramRunner) -> Sequence[PackageLayer]:
    """Install the cloud's own modules in the versions of our lock, outside the source."""
    if not layout.library:
        return ()
    workspace.mkdir(parents=True)
    for name, content in read_payload(layout.library, *NPM_PROJECT_FILES):
        (workspace / name).write_bytes(content)
    install_functions_library(workspace, runner)
    return (PackageLayer(workspace, FileFilter(frozenset((*NPM_PROJECT_FILES, *UNUSED_LIBRARY_PATHS)))),)


def _relative_home(home: Path, folder: Path) -> frozenset[str]:
    try:
        return frozenset({home.resolve().relative_to(folder.resolve()).as_posix()})
    except ValueError:
        return frozenset()
