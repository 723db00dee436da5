"""Recognises the kind of a source and says how its package is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from semantest_iac.domain.compute.artifact import FunctionSource
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.entry_points import PYTHON, start_of, with_runtime
from semantest_iac.infrastructure.artifacts.installers import (
    install_library,
    install_node_modules,
    install_requirements,
)
from semantest_iac.infrastructure.artifacts.layouts import TOKENS, UPSTREAM, Layout, layout_of, payload
from semantest_iac.infrastructure.artifacts.names import printable
from semantest_iac.infrastructure.artifacts.node_modules import developer_folders, lacks_modules
from semantest_iac.infrastructure.artifacts.selection import Selection
from semantest_iac.infrastructure.artifacts.staging import copy_tree

BUNDLED_RUNTIME = "python3.13"
BUNDLED: Mapping[tuple[str, str], tuple[str, Mapping[str, tuple[str, ...]]]] = {
    ("health_service", "aws"): ("service.handler", {"health_service": ()}),
    ("health_service", "azure"): ("service.handler", {"health_service": ()}),
    ("websocket_authorizer", "aws"): ("semantest_authorizer.handler", {"websocket_authorizer": ()}),
    ("websocket_authorizer", "azure"): (
        "semantest_guard.handler",
        {**TOKENS, "websocket_azure": ("semantest_guard.py", *UPSTREAM)},
    ),
    ("websocket_service", "aws"): ("semantest_websocket.handler", {"websocket_service": ()}),
    ("websocket_service", "azure"): (
        "semantest_webpubsub.handler",
        {
            "websocket_service": (
                "semantest_connections.py",
                "semantest_conversation.py",
                "semantest_messages.py",
                "semantest_websocket.py",
            ),
            "websocket_azure": ("semantest_tables.py", "semantest_webpubsub.py"),
        },
    ),
}
"""The handler of each service of ours by cloud, and the modules of its payloads, or all of them."""

SOCKETS = "websocket_service"
"""What is packaged of ours where nothing is named, of the component that serves WebSockets."""

WITHOUT_SECRETS = ("health_service",)
NODE = re.compile(r"nodejs\d+\.x")
NPM_READS = frozenset({".npmrc"})
NPM_PROJECT = ("package.json", "package-lock.json")
LIBRARY_SOURCES = tuple(  # two thirds of its bytes, and nothing loads them
    f"node_modules/@azure/{module}/{folder}"
    for module in ("functions", "functions-extensions-base")
    for folder in ("src", "types", "dist/azure-functions.js.map", "dist/azure-functions.min.js.map")
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder that goes into the package under `prefix`, and what of it does not."""

    folder: Path
    selection: Selection
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one package is made: our own files, then the layers that `prepare` sets up in a workspace.

    `root` is the folder whose state decides whether the package is made again.
    """

    handler: str
    runtime: str
    generated: Mapping[str, bytes]
    root: Layer | None = None
    prepare: Callable[[Path], Sequence[Layer]] = field(default=lambda workspace: ())


def recipe_for(source: FunctionSource, home: Path) -> Recipe:
    """The recipe of a source that is not a ready zip; raises ArtifactError with every fault.

    `home` is our own state: it never enters a package, even where it lies inside the source.
    """
    if source.folder is None:
        return _bundled(source)
    if not source.folder.is_dir():
        hint = "Name a folder or a .zip file, relative to where the command runs."
        name = printable(str(source.folder))
        raise ArtifactError(f"Cannot package source '{name}': there is no such folder.", hint=hint)
    folder, source = source.folder, with_runtime(source)
    own = _inside(home, folder)
    if PYTHON.fullmatch(source.runtime):
        return _python(source, folder, own)
    if NODE.fullmatch(source.runtime):
        return _node(source, folder, own)
    faults = [Fault("runtime", f"'{source.runtime}' is neither python3.N nor nodejsN.x")]
    raise ArtifactError("Cannot package the source: its runtime is not supported.", faults=faults)


def _bundled(source: FunctionSource) -> Recipe:
    runtime = source.runtime if PYTHON.fullmatch(source.runtime) else BUNDLED_RUNTIME
    layout = _layout(source, "python")
    handler, payloads = BUNDLED[source.bundled, source.provider]
    found = (file for folder, names in payloads.items() for file in payload(folder, *names))
    service = {layout.source + name: content for name, content in found}
    if layout.calls_handlers and source.bundled in WITHOUT_SECRETS:
        return Recipe(handler, runtime, service)
    return Recipe(layout.handler, runtime, service | layout.generated(handler=handler))


def _python(source: FunctionSource, folder: Path, own: frozenset[str]) -> Recipe:
    if source.entry:
        fault = Fault("entry", "is for Node servers", "Name a handler such as app.handler instead.")
        raise ArtifactError("Cannot package the source: a Python function has no entry.", faults=[fault])
    settings = start_of(source, folder)
    layout, version = _layout(source, "python"), (3, int(source.runtime.rpartition(".")[2]))
    root = Layer(folder, Selection(own), layout.source)

    def prepare(workspace: Path) -> Sequence[Layer]:
        if not _names_requirements(folder / "requirements.txt"):
            return (root,)
        install_requirements(folder / "requirements.txt", workspace / "site", version)
        return root, Layer(workspace / "site", Selection(top=frozenset()), layout.site)

    return Recipe(layout.handler, source.runtime, layout.generated(**settings), root, prepare)


def _node(source: FunctionSource, folder: Path, own: frozenset[str]) -> Recipe:
    layout, settings = _layout(source, "nodejs"), start_of(source, folder)
    root = Layer(folder, Selection(own | developer_folders(folder)), layout.source)

    def prepare(workspace: Path) -> Sequence[Layer]:
        library = _library(layout, workspace / "library")
        if not lacks_modules(folder):
            return root, *library
        copy_tree(folder, workspace / "node", replace(root.selection, kept=NPM_READS))
        install_node_modules(workspace / "node")
        installed = Selection(developer_folders(workspace / "node"))
        return Layer(workspace / "node", installed, layout.source), *library

    return Recipe(layout.handler, source.runtime, layout.generated(**settings), root, prepare)


def _layout(source: FunctionSource, language: str) -> Layout:
    return layout_of(source.provider, language, for_sockets=source.bundled == SOCKETS)


def _library(layout: Layout, workspace: Path) -> Sequence[Layer]:
    """The cloud's own modules, in the versions that our lock names; the source never sees them."""
    if not layout.library:
        return ()
    workspace.mkdir(parents=True)
    for name, content in payload(layout.library, *NPM_PROJECT):
        (workspace / name).write_bytes(content)
    install_library(workspace)
    return (Layer(workspace, Selection(frozenset((*NPM_PROJECT, *LIBRARY_SOURCES)))),)


def _inside(home: Path, folder: Path) -> frozenset[str]:
    try:
        return frozenset({home.resolve().relative_to(folder.resolve()).as_posix()})
    except ValueError:
        return frozenset()


def _names_requirements(file: Path) -> bool:
    if not file.is_file():
        return False
    lines = file.read_text(errors="replace").splitlines()
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
