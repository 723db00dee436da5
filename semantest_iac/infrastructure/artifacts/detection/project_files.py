"""Finds the projects below a folder, each with the source files that belong to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_FILES = frozenset({"package.json", "requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py"})
BUILD_FOLDERS = ("dist", "build", "out", "lib")
MOST_FILES = 4000
LARGEST_FILE_BYTES = 512 * 1024
DEEPEST_PROJECT = 3
DEEPEST_FILE = 6

_PYTHON_SUFFIXES = (".py",)
_NODE_SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_SKIPPED_FOLDERS = frozenset(
    {
        *("node_modules", "__pycache__", "site-packages", "bower_components", "vendor", "venv", "env", "virtualenv"),
        *("test", "tests", "__tests__", "spec", "e2e", "coverage", "fixtures", "migrations"),
        *("docs", "static", "public", "assets", "dist", "build", "out"),
    }
)


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """A project's folder and the texts of its source files by relative path, in order of depth and name."""

    folder: Path
    python: dict[str, str] = field(default_factory=dict)
    node: dict[str, str] = field(default_factory=dict)


def read_projects_below(root: Path) -> list[ProjectFiles]:
    """Return the folder itself as a project, then every folder below it that has a project file of its own."""
    folders = [root, *_find_project_folders(root)]
    return [_read_project(folder, [other for other in folders if other != folder]) for folder in folders]


def _find_project_folders(root: Path) -> Iterator[Path]:
    for folder, names, files in _walk(root, DEEPEST_PROJECT):
        if folder != root and PROJECT_FILES.intersection(files):
            yield folder
            if "manage.py" in files or not any((folder / name / "package.json").is_file() for name in names):
                names.clear()  # a project inside of a project is a part of it, except in a repository of several


def _read_project(folder: Path, others: list[Path]) -> ProjectFiles:
    found, count = ProjectFiles(folder), 0
    for place, names, files in _walk(folder, DEEPEST_FILE):
        names[:] = [name for name in names if place / name not in others]
        for name in sorted(files):
            target = {_PYTHON_SUFFIXES: found.python, _NODE_SUFFIXES: found.node}
            texts = next((texts for suffixes, texts in target.items() if name.endswith(suffixes)), None)
            if texts is None or name.endswith((".d.ts", ".min.js", ".test.js", ".test.ts", ".spec.js", ".spec.ts")):
                continue
            if (count := count + 1) > MOST_FILES:
                return found
            if (text := read_source(place / name)) is not None:
                texts[(place / name).relative_to(folder).as_posix()] = text
    return found


def read_source(path: Path) -> str | None:
    """Return the text of a regular file that is not too large; None for anything else."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            return None
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None


def _walk(root: Path, deepest: int) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk folders that may hold source code; links to folders are not followed."""
    for name, folders, files in os.walk(root):
        place = Path(name)
        depth = len(place.relative_to(root).parts)
        folders[:] = sorted(one for one in folders if depth < deepest and _may_hold_source(place / one))
        yield place, folders, files


def _may_hold_source(folder: Path) -> bool:
    name = folder.name
    return name not in _SKIPPED_FOLDERS and not name.startswith(".") and not (folder / "pyvenv.cfg").exists()
