"""The runtime of a source and of each of its functions, as it is written or as the files decide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from semantest_iac.domain.environments.rules.application_rules import read_projects, suggest_application
from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.builds.entry_points import REQUIREMENTS_FILE, find_entry_points

NODE_RUNTIME = re.compile(r"nodejs\d+\.x")
_START_HINT = (
    "Name the entry of a Node server (dist/start-server.js), a handler (app.handler), or the app of a framework in "
    "Python (main:app)."
)
_FUNCTIONS_APP_HINT = (
    "A Functions app of your own is deployed as a zip: install its modules, zip the content of this folder with "
    "host.json at the root, and name the zip as source, with its runtime."
)


def split_by_runtime(source: FunctionSource) -> tuple[FunctionSource, ...]:
    """Return the source once for each runtime, with the functions that have it; the one of the main function first.

    Raises ArtifactError where a runtime is not known. Sites, images and what has no folder are returned as they are.
    """
    if source.folder is None or source.is_site or source.image or not source.folder.exists():
        return (source,)
    _require_entry_point(source, source.folder)
    runtimes = _find_runtimes(source, source.folder)
    return tuple(_select_functions(source, runtimes, runtime) for runtime in dict.fromkeys(runtimes.values()))


def _find_runtimes(source: FunctionSource, folder: Path) -> Mapping[str, str]:
    """Return the runtime of each function, the main one without a name.

    Where the file of a handler is not there, it is in the language of the other handlers, if that is one.
    """
    functions = dict(_separate_functions(source))
    if folder.is_file() and not all(one.runtime for one in functions.values()):
        faults = [Fault("runtime", "is not given", "A zip needs one, such as nodejs24.x or python3.13.")]
        raise ArtifactError("Cannot package the source: its runtime is not known.", faults=faults)
    languages = {name: _find_language(one, folder) for name, one in functions.items()}
    known = {language for name, language in languages.items() if language and not functions[name].app}
    usual = known.pop() if len(known) == 1 else "nodejs" if (folder / "package.json").is_file() else "python"
    return {name: one.runtime or default_runtime(languages[name] or usual) for name, one in functions.items()}


def _separate_functions(source: FunctionSource) -> Iterator[tuple[str, FunctionSource]]:
    if source.has_main_function or not source.functions:
        yield "", replace(source, functions={})
    for name, code in source.functions.items():
        runtime = code.runtime or source.runtime
        yield name, replace(source, entry="", handler=code.handler, app=code.app, runtime=runtime, functions={})


def _find_language(function: FunctionSource, folder: Path) -> str:
    """Return the language of one function by its runtime or else its files; empty if these are not there."""
    if function.runtime:
        return "nodejs" if NODE_RUNTIME.fullmatch(function.runtime) else "python"
    if function.entry or function.app:
        return "nodejs" if function.entry else "python"
    for language in ("nodejs", "python"):
        points = find_entry_points(replace(function, runtime=default_runtime(language)))
        if any((folder / file).is_file() for point in points for file in point.files):
            return language
    return ""


def _select_functions(source: FunctionSource, runtimes: Mapping[str, str], runtime: str) -> FunctionSource:
    """Return the source with those of its functions that have the runtime."""
    functions = {name: code for name, code in source.functions.items() if runtimes[name] == runtime}
    if runtimes.get("") == runtime:
        return replace(source, runtime=runtime, functions=functions)
    return replace(source, runtime=runtime, functions=functions, entry="", handler="", app="")


def find_runtime_conflicts(parts: Sequence[FunctionSource]) -> Iterator[Fault]:
    """Yield a fault for each function with another runtime than the first part, on a cloud that has one for all."""
    first, *others = parts
    for part in others if first.provider == "azure" else ():
        for name, code in part.functions.items():
            option = "runtime" if code.runtime else "app" if code.app else "handler"
            reason = f"needs {part.runtime}, and others {first.runtime}"
            yield Fault(
                f"functions.{name}.{option}",
                f"{reason}: on Azure all functions run in one app, which has one runtime",
                "Write one runtime for the component, or give these functions a component of their own.",
            )


def _require_entry_point(source: FunctionSource, folder: Path) -> None:
    if source.has_main_function or source.functions or folder.is_file():
        return
    requirements = folder / REQUIREMENTS_FILE
    projects = read_projects(requirements.read_text(errors="replace")) if requirements.is_file() else frozenset()
    is_functions_app = source.provider == "azure" and (folder / "host.json").is_file()
    hint = _FUNCTIONS_APP_HINT if is_functions_app else suggest_application(projects) or _START_HINT
    faults = [Fault("source", "has neither entry, handler nor app", hint)]
    raise ArtifactError("Cannot package the source: it has no entry point.", faults=faults)
