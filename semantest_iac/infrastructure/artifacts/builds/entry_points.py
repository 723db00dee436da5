"""The files that functions start with, and where they are in a source or in what a build made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.environments.rules.application_rules import application_module, module_files, read_projects
from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_rules import check_path, escape_path
from semantest_iac.infrastructure.nested_text import parse_json

PYTHON_RUNTIME = re.compile(r"python3\.\d+")
HANDLER_PATTERN = re.compile(r"(?P<module>[\w$./-]+)\.(?P<function>[A-Za-z_$][\w$]*)")
REQUIREMENTS_FILE = "requirements.txt"
NODE_SUFFIXES = (".js", ".mjs", ".cjs")
BUNDLED_SUFFIXES = (".ts", ".mts", ".cts", ".tsx", ".jsx")
"""Files that are bundled: JSX does not run in Node, and TypeScript only in part."""
_JAVASCRIPT_HINT = "Name the file in JavaScript or TypeScript that starts the server, such as server.js."
_FOREIGN_FILES = {
    ".py": ("a Python file", "Name a handler such as app.handler instead, or the app of a framework: main:app."),
    ".json": ("a JSON file", _JAVASCRIPT_HINT),
    ".html": ("a page", _JAVASCRIPT_HINT),
    ".sh": ("a shell script", _JAVASCRIPT_HINT),
}
"""What people name as entry by mistake, by ending."""
_MOST_SUGGESTIONS = 3
_BUILD_COMMANDS = {"pnpm-lock.yaml": "pnpm run build", "yarn.lock": "yarn build", "bun.lock": "bun run build"}


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What a function starts with: `option` and `name` as configured, and the files of which one must exist.

    The first that exists is taken. `function` is the name of one of several functions. With `may_be_installed`, a local
    project among the requirements may bring it.
    """

    option: str
    name: str
    files: tuple[str, ...]
    function: str = ""
    may_be_installed: bool = False

    @property
    def key(self) -> str:
        """The key of the option without the function: `entry`, `handler` or `app`."""
        return self.option.rpartition(".")[2]

    def find_file(self, folder: Path) -> str:
        """Return the relative path of the file in the folder, empty without one; a link must not lead out of it."""
        root = folder.resolve()
        for file in self.files:
            path = root / file
            if path.is_file() and path.resolve().is_relative_to(root):
                return file
        return ""

    def describe_missing(self) -> str:
        """Say which files are not there."""
        first, *others = self.files
        stem = first.removesuffix(PurePosixPath(first).suffix)
        endings = [
            file.removeprefix(stem) if PurePosixPath(file).stem == PurePosixPath(first).stem else file
            for file in others
        ]
        return f"{first} (nor {', '.join(endings)})" if endings else first


def find_entry_points(source: FunctionSource) -> tuple[EntryPoint, ...]:
    """Return the entry points of a source whose runtime is known; raises ArtifactError for a malformed one."""
    functions = tuple(
        _find_application(f"functions.{name}.app", code.app, source.folder, name)
        if code.app
        else EntryPoint(
            f"functions.{name}.handler", code.handler, find_handler_files(replace(source, handler=code.handler)), name
        )
        for name, code in source.functions.items()
    )
    if functions and not source.has_main_function:
        return functions
    if source.entry:
        entry = str(PurePosixPath(source.entry))
        is_complete = PurePosixPath(entry).suffix in (*NODE_SUFFIXES, *BUNDLED_SUFFIXES)
        endings = () if is_complete else (*NODE_SUFFIXES, *(() if source.build else BUNDLED_SUFFIXES))
        return (EntryPoint("entry", source.entry, (entry, *(f"{entry}{ending}" for ending in endings))), *functions)
    if source.app:
        return (_find_application("app", source.app, source.folder), *functions)
    return (EntryPoint("handler", source.handler, find_handler_files(source)), *functions)


def _find_application(option: str, app: str, folder: Path | None, function: str = "") -> EntryPoint:
    module = application_module(app)
    if module is None:
        fault = Fault(option, "is not <module>:<attribute>", "Write it as main:app, or main:create_app().")
        raise ArtifactError(f"Cannot use app '{escape_path(app)}'.", faults=[fault])
    return EntryPoint(option, app, module_files(module), function, may_be_installed=_requires_local_project(folder))


def _requires_local_project(folder: Path | None) -> bool:
    requirements = (folder or Path()) / REQUIREMENTS_FILE
    is_there = folder is not None and requirements.is_file()
    return is_there and any("/" in project for project in read_projects(requirements.read_text(errors="replace")))


def find_handler_files(source: FunctionSource) -> tuple[str, ...]:
    """Return relative paths of which one must exist for the handler to be found; raises ArtifactError."""
    match = HANDLER_PATTERN.fullmatch(source.handler)
    fault = check_path(source.handler) if match else Fault("handler", "is not <file>.<function>")
    if match is None or fault:
        hint = "Write it as app.handler: the file without its ending, a dot, the function."
        message = f"Cannot use handler '{escape_path(source.handler)}'."
        raise ArtifactError(message, hint=hint, faults=[fault] if fault else [])
    if PYTHON_RUNTIME.fullmatch(source.runtime):
        return module_files(match["module"])
    is_ready = source.build or (source.folder is not None and source.folder.is_file())
    endings = NODE_SUFFIXES if is_ready else (*NODE_SUFFIXES, *BUNDLED_SUFFIXES)
    return tuple(match["module"] + ending for ending in endings)


def find_entry_faults(folder: Path, points: Iterable[EntryPoint]) -> list[Fault]:
    """Return a fault for every entry point whose file is not in the folder."""
    faults = []
    for point in points:
        unsafe = check_path(point.files[0])
        foreign = _FOREIGN_FILES.get(PurePosixPath(point.name).suffix) if point.option == "entry" else None
        if foreign:
            faults.append(Fault("entry", f"starts a Node server, and this is {foreign[0]}", foreign[1]))
        elif unsafe or not (point.may_be_installed or point.find_file(folder)):
            reason = unsafe.message if unsafe else f"the source holds no {point.describe_missing()}"
            faults.append(Fault(point.option, reason, _entry_hint(folder, point)))
    return faults


def require_entry_files(folder: Path, points: Iterable[EntryPoint]) -> None:
    """Raise ArtifactError unless the folder holds the file of every entry point."""
    if faults := find_entry_faults(folder, points):
        raise ArtifactError(f"Cannot package the source: its {faults[0].path} is missing.", faults=faults)


def _entry_hint(folder: Path, point: EntryPoint) -> str:
    command = find_build_command(folder)
    if other := _find_other_language(folder, point):
        return other
    if command and point.key != "app":
        return f"If a build makes it, add `build: {command}` to the component: package.json has a build script."
    if point.key == "app":
        return "An app is written module:attribute, and its module is relative to the source: main:app is in main.py."
    return f"The {point.key} is a path relative to the source folder."


def _find_other_language(folder: Path, point: EntryPoint) -> str:
    """Return what to write for a handler whose file is in the other of the two languages; empty without such a file."""
    stem, suffix = str(PurePosixPath(point.files[0]).with_suffix("")), PurePosixPath(point.files[0]).suffix
    languages = {"nodejs": (*NODE_SUFFIXES, *BUNDLED_SUFFIXES), "python": (".py",)}
    language, endings = next(it for it in languages.items() if suffix not in it[1])
    found = next((stem + ending for ending in endings if (folder / f"{stem}{ending}").is_file()), "")
    if not found or point.key != "handler":
        return ""
    owner = "the function" if point.function else "the component"
    return f"{escape_path(found)} is there: give {owner} the runtime {default_runtime(language)}."


def find_build_command(folder: Path) -> str:
    """Return the command of the build script in package.json; empty if there is none."""
    try:
        scripts = parse_json((folder / "package.json").read_bytes())["scripts"]
        has_build = "build" in scripts
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    locked = (command for lock, command in _BUILD_COMMANDS.items() if (folder / lock).is_file())
    return next(locked, "npm run build") if has_build else ""


def require_built_files(folder: Path, points: Iterable[EntryPoint], made: Sequence[str]) -> None:
    """Raise ArtifactError unless a build left the file of every entry point; `made` is what it wrote."""
    faults = [
        Fault(point.option, f"the build made no {point.describe_missing()}", _built_hint(point, made))
        for point in points
        if not (point.may_be_installed or point.find_file(folder))
    ]
    if faults:
        raise ArtifactError(
            f"Cannot package the source: its {faults[0].path} is missing after the build.", faults=faults
        )


def _built_hint(point: EntryPoint, made: Sequence[str]) -> str:
    if not made:
        return "The build changed no file of the source."
    stem = PurePosixPath(point.files[0]).stem
    similar = [path for path in made if PurePosixPath(path).stem == stem and path.endswith((*NODE_SUFFIXES, ".py"))]
    listed = ", ".join(escape_path(path) for path in (similar or made)[:_MOST_SUGGESTIONS])
    return f"It made {listed}: name that." if similar else f"It made {len(made)} files, such as {listed}."
