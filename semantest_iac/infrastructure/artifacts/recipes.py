"""Recognizes the language and the entry point of a source and decides how its package is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.dependencies import (
    find_dev_module_folders,
    install_functions_library,
    install_node_modules,
    install_requirements,
    needs_npm_install,
)
from semantest_iac.infrastructure.artifacts.layouts import (
    TOKEN_FILES,
    WEB_PUBSUB_FILES,
    PackageLayout,
    find_layout,
    read_payload,
)
from semantest_iac.infrastructure.artifacts.package_rules import check_path, escape_path
from semantest_iac.infrastructure.artifacts.source_tree import FileFilter, copy_source
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
NPM_CONFIG_FILES = frozenset({".npmrc"})
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
    """Raise ArtifactError unless one of the files exists without links in its path: links are not packaged."""
    fault, root = check_path(candidates[0]), folder.resolve()
    paths = [root / candidate for candidate in candidates]
    if fault is None and any(path.is_file() and path.resolve() == path for path in paths):
        return
    reason = fault.message if fault else f"the source holds no {' or '.join(candidates)}"
    faults = [Fault(option, reason, f"The {option} is a path relative to the source folder.")]
    raise ArtifactError(f"Cannot package the source: its {option} is missing.", faults=faults)


@dataclass(frozen=True, slots=True)
class PackageLayer:
    """A folder whose filtered files go into the package under `prefix`."""

    folder: Path
    file_filter: FileFilter
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class PackageRecipe:
    """The files of a package: ours (`generated`), then the layers that `prepare` sets up in a workspace.

    `root` is the folder whose state decides whether the package is built again.
    """

    handler: str
    runtime: str
    generated: Mapping[str, bytes]
    root: PackageLayer | None = None
    prepare: Callable[[Path], Sequence[PackageLayer]] = field(default=lambda workspace: ())


def find_recipe(source: FunctionSource, home: Path) -> PackageRecipe:
    """Return the recipe of a source that is not a ready zip; raises ArtifactError with every fault.

    `home` is our own state: it never enters a package, even if it lies inside the source.
    """
    if source.folder is None:
        return _bundled_recipe(source)
    if not source.folder.is_dir():
        hint = "Name a folder or a .zip file, relative to where the command runs."
        name = escape_path(str(source.folder))
        raise ArtifactError(f"Cannot package source '{name}': there is no such folder.", hint=hint)
    folder, source = source.folder, resolve_runtime(source)
    excluded_paths = _relative_home(home, folder)
    if PYTHON_RUNTIME.fullmatch(source.runtime):
        return _python_recipe(source, folder, excluded_paths)
    if NODE_RUNTIME.fullmatch(source.runtime):
        return _node_recipe(source, folder, excluded_paths)
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


def _python_recipe(source: FunctionSource, folder: Path, excluded_paths: frozenset[str]) -> PackageRecipe:
    if source.entry:
        fault = Fault("entry", "is for Node servers", "Name a handler such as app.handler instead.")
        raise ArtifactError("Cannot package the source: a Python function has no entry.", faults=[fault])
    settings = find_entry_point(source, folder)
    layout, version = _source_layout(source, "python"), (3, int(source.runtime.rpartition(".")[2]))
    root = PackageLayer(folder, FileFilter(excluded_paths), layout.source)

    def prepare(workspace: Path) -> Sequence[PackageLayer]:
        if not _lists_requirements(folder / "requirements.txt"):
            return (root,)
        install_requirements(folder / "requirements.txt", workspace / "site", version)
        return root, PackageLayer(workspace / "site", FileFilter(excluded_at_root=frozenset()), layout.site)

    return PackageRecipe(layout.handler, source.runtime, layout.generated_files(**settings), root, prepare)


def _node_recipe(source: FunctionSource, folder: Path, excluded_paths: frozenset[str]) -> PackageRecipe:
    layout, settings = _source_layout(source, "nodejs"), find_entry_point(source, folder)
    root = PackageLayer(folder, FileFilter(excluded_paths | find_dev_module_folders(folder)), layout.source)

    def prepare(workspace: Path) -> Sequence[PackageLayer]:
        library = _install_library_layer(layout, workspace / "library")
        if not needs_npm_install(folder):
            return root, *library
        copy_source(folder, workspace / "node", replace(root.file_filter, included_names=NPM_CONFIG_FILES))
        install_node_modules(workspace / "node")
        installed = FileFilter(find_dev_module_folders(workspace / "node"))
        return PackageLayer(workspace / "node", installed, layout.source), *library

    return PackageRecipe(layout.handler, source.runtime, layout.generated_files(**settings), root, prepare)


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


def _lists_requirements(file: Path) -> bool:
    if not file.is_file():
        return False
    lines = file.read_text(errors="replace").splitlines()
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
