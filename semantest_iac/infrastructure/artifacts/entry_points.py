"""How a source starts: its entry or handler, the runtime they speak for, and the files that must be there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.compute.artifact import FunctionSource
from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.names import fault_of_path, printable
from semantest_iac.infrastructure.artifacts.ready_zip import Wanted

PYTHON = re.compile(r"python3\.\d+")
HANDLER = re.compile(r"(?P<module>[\w$./-]+)\.(?P<function>[A-Za-z_$][\w$]*)")
NODE_ENDINGS = (".js", ".mjs", ".cjs")
ANY_NODE = "nodejs24.x"
_HOW_TO_START = "Name the entry of a Node server (dist/start-server.js), or a handler (app.handler)."
_OF_HANDLER = "The handler is written <file>.<function>, relative to the root of the archive."
_FUNCTIONS_APP = Wanted(
    ("host.json",),
    "host.json",
    "Azure runs a whole Functions app: zip the content of its folder, and not the folder itself.",
)


def with_runtime(source: FunctionSource) -> FunctionSource:
    """The source with the runtime that its files speak for, where none was named; raises ArtifactError."""
    if source.runtime:
        return source
    if source.folder and source.folder.is_file():
        faults = [Fault("runtime", "is not given", "A zip needs one, such as nodejs24.x or python3.13.")]
        raise ArtifactError("Cannot package the source: its runtime is not known.", faults=faults)
    if not (source.entry or source.handler):
        faults = [Fault("source", "has neither entry nor handler", _HOW_TO_START)]
        raise ArtifactError("Cannot package the source: nothing says how it starts.", faults=faults)
    node = source.entry or any(_is_there(source, name) for name in _files_of(replace(source, runtime=ANY_NODE)))
    return replace(source, runtime=default_runtime(source.provider, "nodejs" if node else "python"))


def wanted_in_zip(source: FunctionSource) -> Wanted:
    """What a finished package must hold: Azure is told no handler, it reads the app."""
    if source.provider == "azure":
        return _FUNCTIONS_APP
    return Wanted(_files_of(source), "handler", _OF_HANDLER)


def start_of(source: FunctionSource, folder: Path) -> Mapping[str, str]:
    """What the package's entry is told to load; raises ArtifactError unless the folder holds it."""
    if not source.entry:
        _require(folder, _files_of(source), "handler")
        return {"handler": source.handler}
    entry = str(PurePosixPath(source.entry))
    _require(folder, (entry,), "entry")
    return {"entry": entry}


def _is_there(source: FunctionSource, name: str) -> bool:
    return source.folder is not None and (source.folder / name).is_file()


def _files_of(source: FunctionSource) -> tuple[str, ...]:
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


def _require(folder: Path, candidates: Sequence[str], what: str) -> None:
    """Raise ArtifactError unless one of the files is there, by a way without links: those are not packaged."""
    fault, root = fault_of_path(candidates[0]), folder.resolve()
    paths = [root / candidate for candidate in candidates]
    if fault is None and any(path.is_file() and path.resolve() == path for path in paths):
        return
    reason = fault.message if fault else f"the source holds no {' or '.join(candidates)}"
    faults = [Fault(what, reason, f"The {what} is a path relative to the source folder.")]
    raise ArtifactError(f"Cannot package the source: its {what} is not there.", faults=faults)
