"""Decides which files of a source are packaged: tables of names, and the user's `package.exclude` and `.include`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from functools import cached_property

from semantest_iac.infrastructure.artifacts.secret_files import is_secret_dot_file, is_secret_folder, is_secret_name

VERSION_CONTROL_FOLDERS = frozenset({".git", ".hg", ".svn"})
GENERATED_NAMES = frozenset({"__pycache__", ".DS_Store", ".venv"})
EXCLUDED_NAMES = VERSION_CONTROL_FOLDERS | GENERATED_NAMES
CONFIGURATION_FILES = re.compile(r"semantest(\.[\w-]+)?\.yaml")
"""The tool's own files at the root of a source: a changed setting is no changed code."""
EXCLUDED_IN_NODE_MODULES = tuple(
    f"node_modules/{name}"
    for name in (".bin", ".cache", ".package-lock.json", ".modules.yaml", ".yarn-integrity", ".yarn-state.yml")
)
TEST_REPORT_FOLDERS = frozenset({"coverage", ".nyc_output"})
TEST_REPORT_FILES = frozenset(
    {"lcov.info", "lcov-report", "coverage-final.json", "coverage-summary.json", "clover.xml", "index.html", "tmp"}
    | {"cobertura-coverage.xml"}
)
MODULE_FILES = frozenset({"__init__.py", "package.json", "index.js"})
VIRTUAL_ENVIRONMENT_FILE = "pyvenv.cfg"  # PEP 405: what makes a folder a virtual environment
WILDCARDS = frozenset("*?")


@dataclass(frozen=True)
class PathPatterns:
    """Patterns of relative paths: `*` and `?` stay inside a name, `**` spans folders, a folder means all that is in it.

    A pattern without wildcards is the path of one file or folder.
    """

    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def match(self, path: str) -> bool:
        """Return whether a pattern means the path or a folder around it."""
        return any(found.match(path) for _, found in self._compiled)

    def match_by_name(self, path: str) -> bool:
        """Return whether a pattern ends with the very name of the file."""
        name = path.rpartition("/")[2]
        return any(
            pattern.rpartition("/")[2] == name and found.fullmatch(path)
            for pattern, found in self._compiled
            if WILDCARDS.isdisjoint(pattern.rpartition("/")[2])
        )

    def match_below(self, folder: str) -> bool:
        """Return whether a pattern may mean something inside the folder."""
        return any(_may_lead_below(pattern.split("/"), folder.split("/")) for pattern in self.patterns)

    @cached_property
    def _compiled(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple(
            (pattern, re.compile(_translate(pattern.strip("/").split("/")) + r"(?=/|\Z)")) for pattern in self.patterns
        )


def _translate(parts: list[str]) -> str:
    """Return the regular expression of a pattern's path parts."""
    expressions = [_translate_part(part) for part in parts]
    joined = "/".join(expressions)
    return joined.replace("(?:.*)/", "(?:.*/)?")


def _translate_part(part: str) -> str:
    if part == "**":
        return "(?:.*)"
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character) for character in part)


def _may_lead_below(pattern: list[str], folder: list[str]) -> bool:
    for index, part in enumerate(folder):
        if index >= len(pattern) or pattern[index] == "**":
            return True
        if not re.fullmatch(_translate_part(pattern[index]), part):
            return False
    return len(pattern) > len(folder)


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Leaves out the names of the tables above, secret-looking ones and `excluded_paths`, and what the user excludes.

    `included_names` are for installers, which read their settings. `included` brings back what the tables leave out;
    a file that looks secret only by its name. `is_installed`: the folder holds installed modules alone. `place` is the
    prefix of the folder where the user's patterns start.
    """

    excluded_paths: frozenset[str] = frozenset()
    included_names: frozenset[str] = frozenset()
    excluded: PathPatterns = field(default_factory=PathPatterns)
    included: PathPatterns = field(default_factory=PathPatterns)
    is_installed: bool = False
    place: str = ""

    def excludes(self, path: str, name: str, *, is_folder: bool = False, location: str = "") -> bool:
        """Return whether a relative path is left out; called for a folder before it is entered.

        `location` is where it really lies in the source, if a link led to it.
        """
        if self.user_excludes(path):
            return True
        if not self.included:
            is_secret = self.is_secret(path, name, is_folder=is_folder, location=location)
            return is_secret or self._is_left_out(path, name)
        if is_folder and self.included.match_below(self.place + path):
            return False
        if self.is_secret(path, name, is_folder=is_folder, location=location):
            return True
        is_included = self.included.match(self.place + path)
        return not is_included and any(self._is_left_out(*part) for part in _around(path))

    def excludes_target(self, path: str, name: str, *, is_folder: bool) -> bool:
        """Return whether what a link leads to is left out, by its own name or that of a folder around it."""
        if self.excludes(path, name, is_folder=is_folder):
            return True
        return not self.included and any(self._is_left_out(*part) for part in _around(path))

    def user_excludes(self, path: str) -> bool:
        """Return whether the user excludes the path."""
        return bool(self.excluded) and self.excluded.match(self.place + path)

    def is_secret(self, path: str, name: str, *, is_folder: bool = False, location: str = "") -> bool:
        """Return whether it holds secrets by its name or its folder's, and the user did not include it by this name.

        Dot files look secret in installed modules too, others only in the person's own source.
        """
        if name in self.included_names or path in self.excluded_paths:
            return False
        is_named = is_secret_folder(name) if is_folder else is_secret_dot_file(name)
        if not is_named and not is_folder and not self.is_module(location or path):
            is_named = is_secret_name(name)
        if not is_named and (path.startswith(".") or "/." in path):  # reached by a link or `included`
            is_named = any(map(is_secret_folder, path.split("/")[:-1]))
        return is_named and not self.includes_by_name(path, location)

    def includes_by_name(self, path: str, location: str = "") -> bool:
        return bool(self.included) and (
            self.included.match_by_name(self.place + path)
            or (location != path and self.included.match_by_name(location))
        )

    def is_virtualenv_or_report(self, path: str, names: Set[str], location: str = "") -> bool:
        """Return whether the names in a folder are those of a virtual environment or of a test report."""
        place = self.place + path
        if self.is_module(location or path) or (
            self.included and (self.included.match(place) or self.included.match_below(place))
        ):
            return False
        is_report = path in TEST_REPORT_FOLDERS and not TEST_REPORT_FILES.isdisjoint(names)
        return VIRTUAL_ENVIRONMENT_FILE in names or (is_report and MODULE_FILES.isdisjoint(names))

    def is_module(self, location: str) -> bool:
        """Return whether a file lies in an installed module, and not in the person's own source."""
        return self.is_installed or "node_modules/" in location

    def _is_left_out(self, path: str, name: str) -> bool:
        if name in EXCLUDED_NAMES or path in self.excluded_paths or path.endswith(EXCLUDED_IN_NODE_MODULES):
            return True
        if name.startswith(".pnpm-workspace-state"):
            return True
        is_at_root = path == name and not self.place and not self.is_installed
        return is_at_root and CONFIGURATION_FILES.fullmatch(name) is not None


def _around(path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and each folder around it, with their names."""
    while path:
        folder, _, name = path.rpartition("/")
        yield path, name
        path = folder


def is_compiled_beside_source(name: str, names: Set[str]) -> bool:
    """Return whether a `.pyc` file repeats its source; without one it is the module itself (PEP 3147)."""
    return name.endswith(".pyc") and name[:-1] in names
