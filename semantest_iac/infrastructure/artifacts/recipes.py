"""Recognizes the language and the entry point of a source and decides how its package is made."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, PathPatterns
from semantest_iac.infrastructure.artifacts.layouts import (
    TOKEN_FILES,
    WEB_PUBSUB_FILES,
    PackageLayout,
    find_layout,
    read_payload,
)
from semantest_iac.infrastructure.artifacts.linked_modules import find_linked_modules
from semantest_iac.infrastructure.artifacts.node_modules import (
    LOCAL_FILTER,
    find_dev_module_folders,
    find_local_packages,
    install_functions_library,
    install_node_modules,
    needs_node_install,
)
from semantest_iac.infrastructure.artifacts.package_rules import check_path, escape_path
from semantest_iac.infrastructure.artifacts.python_requirements import (
    BUILD_FILTER,
    install_requirements,
    plan_requirements,
)
from semantest_iac.infrastructure.artifacts.zip_archives import RequiredFile

PYTHON_RUNTIME = re.compile(r"python3\.\d+")
HANDLER_PATTERN = re.compile(r"(?P<module>[\w$./-]+)\.(?P<function>[A-Za-z_$][\w$]*)")
NODE_SUFFIXES = (".js", ".mjs", ".cjs")
ANY_NODE_RUNTIME = "nodejs24.x"
_START_HINT = "Name the entry of a Node server (dist/start-server.js), or a handler (app.handler)."
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
NODE_RUNTIME = re.compile(r"nodejs\d+\.x")
NPM_PROJECT_FILES = ("package.json", "package-lock.json")
UNUSED_LIBRARY_PATHS = tuple(  # two thirds of its bytes, and no code loads them
    f"node_modules/@azure/{module}/{folder}"
    for module in ("functions", "functions-extensions-base")
    for folder in ("src", "types", "dist/azure-functions.js.map", "dist/azure-functions.min.js.map")
)


def resolve_runtime(source: FunctionSource) -> FunctionSource:
    """Return the source with a runtime, derived from its files if none was named; raises ArtifactError."""
    if source.runtime:
        return source
    if source.folder and source.folder.is_file():
        faults = [Fault("runtime", "is not given", "A zip needs one, such as nodejs24.x or python3.13.")]
        raise ArtifactError("Cannot package the source: its runtime is not known.", faults=faults)
    if not (source.entry or source.handler):
        faults = [Fault("source", "has neither entry nor handler", _START_HINT)]
        raise ArtifactError("Cannot package the source: it has no entry point.", faults=faults)
    node = source.entry or any(
        _source_holds(source, name) for name in _handler_files(replace(source, runtime=ANY_NODE_RUNTIME))
    )
    return replace(source, runtime=default_runtime("nodejs" if node else "python"))


def find_required_file(source: FunctionSource) -> RequiredFile:
    """Return the file that a ready zip must hold; on Azure that is the app's host.json and not a handler."""
    if source.provider == "azure":
        return _FUNCTIONS_APP_FILE
    return RequiredFile(_handler_files(source), "handler", _HANDLER_HINT)


def find_entry_point(source: FunctionSource, folder: Path) -> Mapping[str, str]:
    """Return the setting that names the entry or handler; raises ArtifactError unless the folder holds it."""
    if not source.entry:
        _require_file(folder, _handler_files(source), "handler")
        return {"handler": source.handler}
    entry = str(PurePosixPath(source.entry))
    _require_file(folder, (entry,), "entry")
    return {"entry": entry}


def _source_holds(source: FunctionSource, name: str) -> bool:
    return source.folder is not None and (source.folder / name).is_file()


def _handler_files(source: FunctionSource) -> tuple[str, ...]:
    """Return relative paths of which one must exist for the handler to be found; raises ArtifactError."""
    match = HANDLER_PATTERN.fullmatch(source.handler)
    fault = check_path(source.handler) if match else Fault("handler", "is not <file>.<function>")
    if match is None or fault:
        hint = "Write it as app.handler: the file without its ending, a dot, the function."
        message = f"Cannot use handler '{escape_path(source.handler)}'."
        raise ArtifactError(message, hint=hint, faults=[fault] if fault else [])
    if PYTHON_RUNTIME.fullmatch(source.runtime):
        module = match["module"].replace(".", "/")
        return f"{module}.py", f"{module}/__init__.py"
    return tuple(match["module"] + ending for ending in NODE_SUFFIXES)


def _require_file(folder: Path, candidates: Sequence[str], option: str) -> None:
    """Raise ArtifactError unless one of the files exists in the folder; a link must not lead out of it."""
    fault, root = check_path(candidates[0]), folder.resolve()
    paths = [root / candidate for candidate in candidates]
    if fault is None and any(path.is_file() and path.resolve().is_relative_to(root) for path in paths):
        return
    reason = fault.message if fault else f"the source holds no {' or '.join(candidates)}"
    faults = [Fault(option, reason, f"The {option} is a path relative to the source folder.")]
    raise ArtifactError(f"Cannot package the source: its {option} is missing.", faults=faults)


@dataclass(frozen=True, slots=True)
class PackageLayer:
    """A folder whose filtered files go into the package under `prefix`.

    Links may point to everything in `boundary`, which is the folder itself unless it is given.
    """

    folder: Path
    file_filter: FileFilter
    prefix: str = ""
    boundary: Path | None = None


@dataclass(frozen=True, slots=True)
class PreparedLayers:
    """The layers of a package in the order of their precedence, with notes for the user."""

    layers: Sequence[PackageLayer] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageRecipe:
    """The files of a package: ours (`generated`), then the layers that `prepare` sets up in a workspace.

    The states of `root` and of the `watched` folders, and `facts`, decide whether the package is built again.
    """

    handler: str
    runtime: str
    generated: Mapping[str, bytes]
    root: PackageLayer | None = None
    watched: Sequence[PackageLayer] = ()
    facts: Sequence[bytes] = ()
    prepare: Callable[[Path], PreparedLayers] = field(default=lambda workspace: PreparedLayers())


def find_recipe(source: FunctionSource, home: Path) -> PackageRecipe:
    """Return the recipe of a source that is not a ready zip; raises ArtifactError with every fault.

    `home` is our own state: it never enters a package, even if it lies inside the source.
    """
    if source.folder is None:
        return _bundled_recipe(source)
    if not source.folder.is_dir():
        hint = "Name a folder or a .zip file, relative to where the command runs."
        name = escape_path(str(source.folder))
        reason = "it is neither a folder nor a .zip file" if source.folder.exists() else "there is no such folder"
        raise ArtifactError(f"Cannot package source '{name}': {reason}.", hint=hint)
    folder, source = source.folder, resolve_runtime(source)
    _require_included_files(source, folder)
    file_filter = FileFilter(
        _relative_home(home, folder),
        excluded=PathPatterns(source.package.exclude),
        included=PathPatterns(source.package.include),
    )
    if PYTHON_RUNTIME.fullmatch(source.runtime):
        return _python_recipe(source, folder, file_filter)
    if NODE_RUNTIME.fullmatch(source.runtime):
        return _node_recipe(source, folder, file_filter)
    faults = [Fault("runtime", f"'{source.runtime}' is neither python3.N nor nodejsN.x")]
    raise ArtifactError("Cannot package the source: its runtime is not supported.", faults=faults)


def _bundled_recipe(source: FunctionSource) -> PackageRecipe:
    runtime = source.runtime if PYTHON_RUNTIME.fullmatch(source.runtime) else BUNDLED_RUNTIME
    layout = _source_layout(source, "python")
    handler, payloads = BUNDLED_SERVICES[source.bundled, source.provider]
    found = (file for folder, names in payloads.items() for file in read_payload(folder, *names))
    service = {layout.source + name: content for name, content in found}
    if layout.calls_handlers and source.bundled in SERVICES_WITHOUT_SECRETS:
        return PackageRecipe(handler, runtime, service)
    return PackageRecipe(layout.handler, runtime, service | layout.generated_files(handler=handler))


def _require_included_files(source: FunctionSource, folder: Path) -> None:
    """Raise ArtifactError for what `package.include` names and the source does not hold."""
    missing = [name for name in source.package.include if not holds_match(folder, name)]
    if missing:
        faults = [Fault("package.include", f"the source holds no '{escape_path(name)}'") for name in missing]
        raise ArtifactError("Cannot package the source: files that it should include are missing.", faults=faults)


def holds_match(folder: Path, pattern: str) -> bool:
    """Return whether a pattern of `package` means something in the folder."""
    return next(folder.glob(pattern.strip("/").replace("[", "[[]")), None) is not None


def _python_recipe(source: FunctionSource, folder: Path, file_filter: FileFilter) -> PackageRecipe:
    if source.entry:
        fault = Fault("entry", "is for Node servers", "Name a handler such as app.handler instead.")
        raise ArtifactError("Cannot package the source: a Python function has no entry.", faults=[fault])
    settings = find_entry_point(source, folder)
    layout, version = _source_layout(source, "python"), (3, int(source.runtime.rpartition(".")[2]))
    root = PackageLayer(folder, file_filter, layout.source)
    plan = plan_requirements(folder / "requirements.txt")
    passed = source.package.pass_environment

    def prepare(workspace: Path) -> PreparedLayers:
        if plan is None:
            return PreparedLayers((root,))
        site, notes = install_requirements(plan, workspace, version, passed)
        installed = replace(file_filter, excluded_paths=frozenset(), is_installed=True)
        return PreparedLayers((root, PackageLayer(site, installed, layout.site)), notes)

    generated = layout.generated_files(**settings)
    if plan is None:
        return PackageRecipe(layout.handler, source.runtime, generated, root, prepare=prepare)
    watched = tuple(PackageLayer(project, BUILD_FILTER) for project in plan.folders)
    facts = (*plan.fingerprint_files(), _passed_values(passed))
    return PackageRecipe(layout.handler, source.runtime, generated, root, watched, facts, prepare)


def _node_recipe(source: FunctionSource, folder: Path, file_filter: FileFilter) -> PackageRecipe:
    layout, settings = _source_layout(source, "nodejs"), find_entry_point(source, folder)
    root, *linked = _node_layers(folder, folder, file_filter, layout.source)
    passed, is_installing = source.package.pass_environment, needs_node_install(folder)

    def prepare(workspace: Path) -> PreparedLayers:
        library = _install_library_layer(layout, workspace / "library")
        if not is_installing:
            return PreparedLayers((root, *linked, *library))
        copy, copies = install_node_modules(folder, workspace, passed)
        return PreparedLayers((*_node_layers(copy, copies, file_filter, layout.source), *library))

    others = (
        tuple(PackageLayer(one, LOCAL_FILTER) for one in find_local_packages(folder))
        if is_installing
        else tuple(linked)
    )
    facts = (_passed_values(passed),) if is_installing else ()
    return PackageRecipe(
        layout.handler, source.runtime, layout.generated_files(**settings), root, others, facts, prepare
    )


def _node_layers(folder: Path, boundary: Path, file_filter: FileFilter, prefix: str) -> tuple[PackageLayer, ...]:
    """Return the layer of a project, and one for each module that lies in a store and is linked from there."""
    linked = find_linked_modules(folder)
    left_out = file_filter.excluded_paths | find_dev_module_folders(folder) | linked.replaced
    root = PackageLayer(folder, replace(file_filter, excluded_paths=left_out), prefix, boundary)
    layers = [root]
    for place, module in linked.places.items():
        inner = f"{module.relative_to(folder.resolve()).as_posix()}/"
        links = frozenset(path.removeprefix(inner) for path in linked.replaced if path.startswith(inner))
        inside = replace(file_filter, excluded_paths=links, is_installed=True, place=f"{place}/")
        layers += [PackageLayer(module, inside, f"{prefix}{place}/", boundary)]
    return tuple(layers)


def _passed_values(names: Sequence[str]) -> bytes:
    """Return what installers receive besides their usual variables: other values may install other files."""
    return "".join(f"{name}={os.environ.get(name)}\0" for name in names).encode(errors="surrogateescape")


def _source_layout(source: FunctionSource, language: str) -> PackageLayout:
    return find_layout(source.provider, language, for_sockets=source.bundled == WEBSOCKET_SERVICE)


def _install_library_layer(layout: PackageLayout, workspace: Path) -> Sequence[PackageLayer]:
    """Install the cloud's own modules in the versions of our lock, outside the source."""
    if not layout.library:
        return ()
    workspace.mkdir(parents=True)
    for name, content in read_payload(layout.library, *NPM_PROJECT_FILES):
        (workspace / name).write_bytes(content)
    install_functions_library(workspace)
    return (PackageLayer(workspace, FileFilter(frozenset((*NPM_PROJECT_FILES, *UNUSED_LIBRARY_PATHS)))),)


def _relative_home(home: Path, folder: Path) -> frozenset[str]:
    try:
        return frozenset({home.resolve().relative_to(folder.resolve()).as_posix()})
    except ValueError:
        return frozenset()
