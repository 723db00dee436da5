"""Lays out linked node modules (pnpm's) as folders: a zip holds files, and Node finds modules from their real place.

pnpm, npm's linked strategy and bun keep each module once in `node_modules/.pnpm/<key>/node_modules/<name>`, with links
to its dependencies beside it. A copy of the module alone would not find them, so each is placed where Node looks from
the module that needs it: at the top if nothing else has its name there, otherwise inside that module, as npm does.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.artifacts.source_tree import read_if_there
from semantest_iac.infrastructure.nested_text import parse_json

STORE_NAMES = (".pnpm", ".store", ".bun")
UNLISTED_NAMES = frozenset({".bin", ".cache", ".modules.yaml", ".package-lock.json", *STORE_NAMES})
DEPENDENCY_KEYS = ("dependencies", "optionalDependencies", "peerDependencies")


@dataclass(frozen=True, slots=True)
class LinkedModules:
    """`places` maps folders of the package to the modules that go there; `replaced` is what they stand for."""

    places: dict[str, Path] = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()


def find_linked_modules(root: Path) -> LinkedModules:
    """Return the places of production modules that lie in a store below the root; none without a store."""
    stores = [f"node_modules/{name}" for name in STORE_NAMES if (root / "node_modules" / name).is_dir()]
    if not stores:
        return LinkedModules()
    layout = _Layout(root.resolve())
    for folder in _project_folders(root):
        layout.add_project(folder)
    layout.place_all()
    return LinkedModules(dict(sorted(layout.places.items())), frozenset(stores) | layout.links)


def _project_folders(root: Path) -> Iterator[str]:
    """Yield the relative folders that have their own `node_modules`: the root, and the packages of a workspace."""
    for folder, names, _ in os.walk(root):
        if "node_modules" in names:
            yield "" if Path(folder) == root else Path(folder).relative_to(root).as_posix()
        names[:] = sorted(name for name in names if name != "node_modules" and not name.startswith("."))


class _Layout:
    """Places modules breadth first: all dependencies of a module are placed before those of its dependencies."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._waiting: deque[tuple[str, Path]] = deque()
        self.places: dict[str, Path] = {}
        self.links: frozenset[str] = frozenset()

    def add_project(self, folder: str) -> None:
        """Place what a project depends on; its links are replaced by the places."""
        modules = self._root / folder / "node_modules"
        unused = _dev_names(self._root / folder)
        for name, path in _list_modules(modules):
            real = path.resolve()
            if path.is_symlink() and real.is_relative_to(self._root):
                self.links |= {path.relative_to(self._root).as_posix()}
                if name not in unused and real.is_dir():
                    self._place(folder, name, real)

    def place_all(self) -> None:
        while self._waiting:
            place, module = self._waiting.popleft()
            for name, real in self._dependencies(module):
                self._place(place, name, real)

    def _dependencies(self, module: Path) -> Iterator[tuple[str, Path]]:
        """Yield what lies beside a module of a store; a package of the workspace has its own `node_modules`."""
        own = module.name if module.parent.name == "node_modules" else f"{module.parent.name}/{module.name}"
        around = module.parents[own.count("/")]
        is_stored = around.name == "node_modules" and any(name in module.parts for name in STORE_NAMES)
        unused = frozenset({own}) if is_stored else _dev_names(module)
        for name, path in _list_modules(around if is_stored else module / "node_modules"):
            real = path.resolve()
            if name not in unused and real.is_relative_to(self._root) and real.is_dir() and real != module:
                yield name, real

    def _place(self, user: str, name: str, real: Path) -> None:
        """Place a module where `user` finds it first, unless it finds it already."""
        candidates = [f"{folder}/node_modules/{name}".lstrip("/") for folder in _parents_of_node_modules(user)]
        known = next((self.places[place] for place in candidates if place in self.places), None)
        if known == real:
            return
        place = candidates[-1] if known is None and not self._is_taken(candidates[-1]) else candidates[0]
        self.places[place] = real
        self._waiting.append((place, real))

    def _is_taken(self, place: str) -> bool:
        """Return whether a real folder of the source has the place."""
        return (self._root / place).is_dir() and not (self._root / place).is_symlink()


def _parents_of_node_modules(user: str) -> list[str]:
    """Return the folders in whose `node_modules` Node looks for what a module requires, the nearest first."""
    folders = [user]
    while user:
        user = user.rpartition("/")[0]
        if not user.endswith("node_modules") and user.rpartition("/")[2] != "node_modules":
            folders.append(user)
    return [folder for folder in folders if not folder.rpartition("/")[2].startswith("@")]


def _list_modules(modules: Path) -> Iterator[tuple[str, Path]]:
    """Yield names and paths, scoped ones with their scope."""
    if not modules.is_dir():
        return
    for path in sorted(modules.iterdir()):
        if path.name in UNLISTED_NAMES:
            continue
        if path.name.startswith("@") and not path.is_symlink():
            yield from ((f"{path.name}/{inner.name}", inner) for inner in sorted(path.iterdir()))
        else:
            yield path.name, path


def _dev_names(folder: Path) -> frozenset[str]:
    """Return the names that a project has for development alone."""
    try:
        project: dict[str, Any] = parse_json(read_if_there(folder / "package.json"))
        needed = {name for key in DEPENDENCY_KEYS for name in project.get(key) or {}}
        return frozenset(set(project.get("devDependencies") or {}) - needed)
    except (ValueError, AttributeError, TypeError):  # no project: everything may be needed
        return frozenset()
