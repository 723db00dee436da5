"""Recognises the kind of a source and says how its package is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.compute.artifact import FunctionSource
from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.installers import install_node_modules, install_requirements
from semantest_iac.infrastructure.artifacts.names import fault_of_path, printable
from semantest_iac.infrastructure.artifacts.node_modules import developer_folders, lacks_modules
from semantest_iac.infrastructure.artifacts.selection import Selection
from semantest_iac.infrastructure.artifacts.staging import copy_tree

PAYLOADS = Path(__file__).parents[2] / "payloads"
BUNDLED_RUNTIME = "python3.13"
PYTHON = re.compile(r"python3\.\d+")
NODE = re.compile(r"nodejs\d+\.x")
HANDLER = re.compile(r"(?P<module>[\w$./-]+)\.(?P<function>[A-Za-z_$][\w$]*)")
NODE_ENDINGS = (".js", ".mjs", ".cjs")
NODE_SHIM = ("semantest_shim.cjs", "semantest_server.cjs", "semantest_http.cjs", "semantest_secrets.cjs")
PYTHON_ENTRY = ("semantest_entry.py", "semantest_secrets.py")
ANY_NODE = "nodejs24.x"
_HOW_TO_START = "Name the entry of a Node server (dist/start-server.js), or a handler (app.handler)."
NPM_READS = frozenset({".npmrc"})


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder that goes into the package, and what of it does not."""

    folder: Path
    selection: Selection


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
        return _python(source, Layer(folder, Selection(own)))
    if NODE.fullmatch(source.runtime):
        return _node(source, Layer(folder, Selection(own | developer_folders(folder))))
    faults = [Fault("runtime", f"'{source.runtime}' is neither python3.N nor nodejsN.x")]
    raise ArtifactError("Cannot package the source: its runtime is not supported.", faults=faults)


def with_runtime(source: FunctionSource) -> FunctionSource:
    """The source with the runtime that its files speak for, where none was named; raises ArtifactError."""
    if source.runtime:
        return source
    if not (source.entry or source.handler):
        faults = [Fault("source", "has neither entry nor handler", _HOW_TO_START)]
        raise ArtifactError("Cannot package the source: nothing says how it starts.", faults=faults)
    if source.folder and source.folder.is_file():
        faults = [Fault("runtime", "is not given", "A zip needs one, such as nodejs24.x or python3.13.")]
        raise ArtifactError("Cannot package the source: its runtime is not known.", faults=faults)
    node = source.entry or any(_is_there(source, name) for name in files_of_handler(replace(source, runtime=ANY_NODE)))
    return replace(source, runtime=default_runtime(source.provider, "nodejs" if node else "python"))


def _is_there(source: FunctionSource, name: str) -> bool:
    return source.folder is not None and (source.folder / name).is_file()


def files_of_handler(source: FunctionSource) -> tuple[str, ...]:
    """The relative paths of which one must exist for the handler to be found; raises ArtifactError."""
    match = HANDLER.fullmatch(source.handler)
    fault = fault_of_path(source.handler) if match else Fault("handler", "is not <file>.<function>")
    if match is None or fault:
        hint = "Write it as app.handler: the file without its ending, a dot, the function."
        message = f"Cannot use handler '{printable(source.handler)}'."
        raise ArtifactError(message, hint=hint, faults=[fault] if fault else [])
    if PYTHON.fullmatch(source.runtime):
        module = match["module"].replace(".", "/")
        return f"{module}.py", f"{module}/__init__.py"
    return tuple(match["module"] + ending for ending in NODE_ENDINGS)


def _bundled(source: FunctionSource) -> Recipe:
    runtime = source.runtime if PYTHON.fullmatch(source.runtime) else BUNDLED_RUNTIME
    return Recipe("service.handler", runtime, _payload("health_service", ("service.py",)))


def _python(source: FunctionSource, root: Layer) -> Recipe:
    folder = root.folder
    if source.entry:
        fault = Fault("entry", "is for Node servers", "Name a handler such as app.handler instead.")
        raise ArtifactError("Cannot package the source: a Python function has no entry.", faults=[fault])
    _require(folder, files_of_handler(source), "handler")
    settings = {"semantest_entry.json": _settings(handler=source.handler)}
    version = (3, int(source.runtime.rpartition(".")[2]))

    def prepare(workspace: Path) -> Sequence[Layer]:
        if not _names_requirements(folder / "requirements.txt"):
            return (root,)
        install_requirements(folder / "requirements.txt", workspace / "site", version)
        return root, Layer(workspace / "site", Selection(top=frozenset()))

    generated = _payload("python_entry", PYTHON_ENTRY) | settings
    return Recipe("semantest_entry.handler", source.runtime, generated, root, prepare)


def _node(source: FunctionSource, root: Layer) -> Recipe:
    folder = root.folder
    if source.entry:
        entry = str(PurePosixPath(source.entry))
        _require(folder, (entry,), "entry")
        settings = _settings(entry=entry)
    else:
        _require(folder, files_of_handler(source), "handler")
        settings = _settings(handler=source.handler)

    def prepare(workspace: Path) -> Sequence[Layer]:
        if not lacks_modules(folder):
            return (root,)
        copy_tree(folder, workspace / "node", replace(root.selection, kept=NPM_READS))
        install_node_modules(workspace / "node")
        return (Layer(workspace / "node", Selection(developer_folders(workspace / "node"))),)

    generated = _payload("node_shim", NODE_SHIM) | {"semantest_shim.json": settings}
    return Recipe("semantest_shim.handler", source.runtime, generated, root, prepare)


def _inside(home: Path, folder: Path) -> frozenset[str]:
    try:
        return frozenset({home.resolve().relative_to(folder.resolve()).as_posix()})
    except ValueError:
        return frozenset()


def _require(folder: Path, candidates: Sequence[str], what: str) -> None:
    """Raise ArtifactError unless one of the files is there, by a way without links: those are not packaged."""
    fault, root = fault_of_path(candidates[0]), folder.resolve()
    paths = [root / candidate for candidate in candidates]
    if fault is None and any(path.is_file() and path.resolve() == path for path in paths):
        return
    reason = fault.message if fault else f"the source holds no {' or '.join(candidates)}"
    faults = [Fault(what, reason, f"The {what} is a path relative to the source folder.")]
    raise ArtifactError(f"Cannot package the source: its {what} is not there.", faults=faults)


def _names_requirements(file: Path) -> bool:
    if not file.is_file():
        return False
    lines = file.read_text(errors="replace").splitlines()
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _settings(**values: str) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


def _payload(folder: str, names: Sequence[str]) -> dict[str, bytes]:
    return {name: (PAYLOADS / folder / name).read_bytes() for name in names}
