"""Runs the `build` of a component in a private copy of its source, with the modules that its tools need."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from semantest_iac.domain.environments.rules.build_commands import split_build_commands
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.builds.entry_points import EntryPoint, require_built_files
from semantest_iac.infrastructure.artifacts.builds.module_copies import copy_modules
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, PathPatterns
from semantest_iac.infrastructure.artifacts.installers import ProgramEnd, ProgramRunner
from semantest_iac.infrastructure.artifacts.node_modules import (
    NPM_CONFIG_FILES,
    copy_project,
    has_node_modules,
    install_node_modules,
    needs_node_install,
    remove_dev_modules,
)
from semantest_iac.infrastructure.artifacts.package_rules import MAX_REPORTED_FAULTS, escape_path
from semantest_iac.infrastructure.artifacts.source_tree import (
    WalkReport,
    note_secret_files,
    read_if_there,
    walk_source,
)

NODE_PROGRAMS = frozenset({"node", "npm", "npx", "pnpm", "pnpx", "yarn", "bun", "bunx", "corepack"})
NOT_COPIED = ("node_modules", "**/node_modules", "*.tsbuildinfo", "**/*.tsbuildinfo")
LINES_OF_OUTPUT = 12
_COMPILER_LINE = re.compile(
    r"(?P<file>[^\s():]+\.\w+)(?:\((?P<line>\d+),(?P<column>\d+)\):|:(?P<line2>\d+):(?P<column2>\d+)(?::| -)) *"
    r"(?P<text>.*\berror\b.*)"
)
_RUNNER_NOISE = re.compile(r"npm (error|ERR!|warn|notice)|> |ELIFECYCLE|error Command failed|info Visit")
_OUT_DIR = re.compile(r'"outDir"\s*:\s*"(?:\./)?([^"/]+)/?"')
_HINT = (
    "It runs in a private copy of the source without files that look secret, and gets no variables of this machine but "
    "PATH and the like, NODE_ENV=production, and those that package.pass_environment names."
)


@dataclass(frozen=True, slots=True)
class SourceBuild:
    """What is built: the folder, the commands as written, the entry points that must be there afterwards.

    `left_out` are relative paths of our own state in the folder; `included` is what the user names of secret-looking
    files.
    """

    folder: Path
    commands: tuple[str, ...]
    entry_points: tuple[EntryPoint, ...]
    is_node: bool
    left_out: frozenset[str] = frozenset()
    included: PathPatterns = field(default_factory=PathPatterns)

    @property
    def file_filter(self) -> FileFilter:
        """Return the filter of the files that the build works on; what is not packaged may still be needed by it."""
        stale = tuple(find_output_folders(self.folder, self.entry_points))
        return FileFilter(
            self.left_out,
            included_names=NPM_CONFIG_FILES,
            excluded=PathPatterns((*NOT_COPIED, *stale)),
            included=self.included,
        )

    def split_commands(self) -> list[tuple[str, ...]]:
        """Return the words of every command; raises ArtifactError for what needs a shell."""
        found = [(text, split_build_commands(text)) for text in self.commands]
        faults = [Fault("build", one.problem, one.hint) for _, one in found if one.problem]
        if faults:
            raise ArtifactError("Cannot build the source: its commands cannot be run.", faults=faults)
        return [command for _, one in found for command in one.commands]

    @property
    def needs_modules(self) -> bool:
        """Return whether its tools come from node modules: a Python project's package.json may be for other things."""
        return self.is_node or any(Path(command[0]).name in NODE_PROGRAMS for command in self.split_commands())


@dataclass(frozen=True, slots=True)
class BuiltSource:
    """A built copy, with the folder in which links of its files may lead."""

    folder: Path
    around: Path


def run_source_build(build: SourceBuild, workspace: Path, runner: ProgramRunner) -> BuiltSource:
    """Copy the source, install what the build needs, and run it; raises ArtifactError.

    Dev modules that were installed for the build are removed afterwards.
    """
    commands, file_filter = build.split_commands(), build.file_filter
    report = WalkReport(is_bounded=False)
    before = _stamp_source(build.folder, file_filter, report)
    copy = copy_project(build.folder, workspace, file_filter)
    is_installed, has_modules = False, has_node_modules(build.folder)
    if has_modules:
        copy_modules(build.folder, copy.folder)
    elif build.needs_modules and (is_installed := needs_node_install(copy.folder, with_dev=True)):
        install_node_modules(copy, runner, with_dev=True)
    known = dict(_stamp_copy(copy.folder))
    try:
        for command in commands:
            _run_command(command, copy.folder, runner, uses_own_modules=has_modules)
    except ArtifactError as error:
        error.hint = " ".join((error.hint, *note_secret_files(report.secret_files)))  # which it may have looked for
        raise
    _require_same_source(before, _stamp_source(build.folder, file_filter, WalkReport(is_bounded=False)))
    made = sorted(path for path, stamp in _stamp_copy(copy.folder) if known.get(path) != stamp)
    require_built_files(copy.folder, build.entry_points, made)
    if is_installed:
        remove_dev_modules(copy.folder, runner)
    return BuiltSource(copy.folder, copy.around)


def find_output_folders(folder: Path, points: Sequence[EntryPoint]) -> Iterator[str]:
    """Yield folders with what an earlier build left: a module deleted since would be packaged from there.

    They hold an entry point, and .gitignore or a tsconfig calls them output.
    """
    tops = {point.files[0].partition("/")[0] for point in points if "/" in point.files[0]}
    if not tops:
        return
    ignored = _read_lines(folder / ".gitignore")
    named = {line.strip().removeprefix("**/").strip("/") for line in ignored}
    for path in sorted(folder.glob("tsconfig*.json")):
        named |= set(_OUT_DIR.findall("\n".join(_read_lines(path))))
    yield from sorted(tops & named)


def _read_lines(path: Path) -> list[str]:
    return read_if_there(path).decode(errors="replace").splitlines()


def _stamp_source(folder: Path, file_filter: FileFilter, report: WalkReport) -> dict[str, str]:
    return {file.path: file.stamp() for file in walk_source(folder, file_filter, report)}


def _require_same_source(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if changed:
        hint = "A build works in a private copy: write relative paths. Or something else changed the files meanwhile."
        faults = [Fault(escape_path(path), "changed during the build") for path in changed[:MAX_REPORTED_FAULTS]]
        raise ArtifactError("Cannot build the source: its own files changed meanwhile.", hint=hint, faults=faults)


def _stamp_copy(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield every file of the copy that is not a module, with what changes when it is written."""
    for around, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name != "node_modules")
        for name in files:
            path = Path(around, name)
            status = path.lstat()
            yield path.relative_to(folder).as_posix(), (status.st_size, status.st_mtime_ns)


def _run_command(command: tuple[str, ...], folder: Path, runner: ProgramRunner, *, uses_own_modules: bool) -> None:
    written = shlex.join(command)
    path = f"{folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    program = _find_program(command[0], folder, path)
    with runner.run.report_step("build", written):
        try:
            end = runner.execute((program, *command[1:]), folder, {"PATH": path})
        except OSError as error:
            reason = f"'{escape_path(written)}' cannot be started ({error.strerror})"
            raise ArtifactError(f"Cannot build the source: {reason}.", hint="Make the file executable.") from error
        if end.code:
            raise _build_error(written, end, folder, uses_own_modules=uses_own_modules)


def _find_program(name: str, folder: Path, path: str) -> str:
    found = str(folder / name) if "/" in name and (folder / name).is_file() else shutil.which(name, path=path)
    if found is None and name in ("python", "python3"):
        return sys.executable  # this tool may run in an environment that is not activated
    if found is None:
        message = f"Cannot build the source: '{escape_path(name)}' is neither on the PATH nor in node_modules/.bin."
        raise ArtifactError(message, hint="Install it, or name it in devDependencies: those are there for the build.")
    return found


def _build_error(written: str, end: ProgramEnd, folder: Path, *, uses_own_modules: bool) -> ArtifactError:
    how = end.ended_because or (f"it ended with code {end.code}" if end.code > 0 else f"signal {-end.code} ended it")
    output = end.output.replace(f"{folder}/", "").replace(str(folder), ".")
    faults = [*_find_compiler_faults(output)][:MAX_REPORTED_FAULTS]
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    last = [line for line in lines if not _RUNNER_NOISE.match(line.strip())][-LINES_OF_OUTPUT:] or lines[-3:]
    if not faults:
        said = "\n      ".join(["it printed last:", *last]) if last else "it printed nothing"
        faults = [Fault("build", said)]
    hint = _HINT
    if any("not found" in line or "Cannot find" in line for line in last):
        reason = "node_modules of the source was used; without it, all" if uses_own_modules else "All"
        hint = f"{reason} that package.json names is installed for it, devDependencies too. {_HINT}"
    return ArtifactError(f"Cannot build the source: '{escape_path(written)}' failed: {how}.", hint=hint, faults=faults)


def _find_compiler_faults(output: str) -> Iterator[Fault]:
    """Yield the errors that compilers print with file, line and column, each once."""
    seen = set()
    for line in output.splitlines():
        match = _COMPILER_LINE.fullmatch(line.strip())
        if match and line.strip() not in seen:
            seen.add(line.strip())
            place = int(match["line"] or match["line2"]), int(match["column"] or match["column2"])
            yield Fault("build", match["text"].strip()[:300], "", PurePosixPath(match["file"]).as_posix(), *place)


def include_entry_points(file_filter: FileFilter, points: Sequence[EntryPoint], folder: Path) -> FileFilter:
    """Return the filter without the patterns that would leave out an entry point which the build made."""
    files = [file for point in points if (file := point.find_file(folder))]
    kept = (
        pattern
        for pattern in file_filter.excluded.patterns
        if not any(PathPatterns((pattern,)).match(file) for file in files)
    )
    return replace(file_filter, excluded=PathPatterns(tuple(kept)))
