"""Copies and lists installed node modules: whole folders for a build, or the packages that a bundle leaves outside."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.package_rules import MAX_REPORTED_FAULTS, escape_path
from semantest_iac.infrastructure.artifacts.source_tree import find_link_hint, read_if_there
from semantest_iac.infrastructure.nested_text import parse_json

GENERATED_MODULES = {"@prisma/client": ".prisma/client"}
"""What tools generate beside a package that loads it, without naming it."""


def copy_modules(source: Path, target: Path) -> None:
    """Copy every `node_modules` below the source to the same place in the target; links stay links.

    Raises ArtifactError for links out of the source: what a build writes behind them would change other folders.
    """
    root, faults = source.resolve(), list[Fault]()
    for folder in _find_module_folders(root):
        _copy_folder(folder, target / folder.relative_to(root), root, faults)
    if faults:
        message = "Cannot build the source: some of its node modules lie outside of it."
        raise ArtifactError(message, faults=faults[:MAX_REPORTED_FAULTS])


def _find_module_folders(root: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(root):
        if "node_modules" in names:
            yield Path(folder, "node_modules")
        names[:] = sorted(name for name in names if name != "node_modules" and not name.startswith("."))


def _copy_folder(folder: Path, target: Path, root: Path, faults: list[Fault]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_symlink():
                _copy_link(Path(entry.path), copy, root, faults)
            elif entry.is_dir():
                if entry.name != ".cache":
                    _copy_folder(Path(entry.path), copy, root, faults)
            elif entry.is_file():
                shutil.copy2(entry.path, copy)


def _copy_link(link: Path, copy: Path, root: Path, faults: list[Fault]) -> None:
    real, written = link.resolve(), link.readlink()
    if not real.is_relative_to(root):
        path = link.relative_to(root).as_posix()
        reason = f"is a link to '{escape_path(str(real))}', outside of the source"
        faults.append(Fault(escape_path(path), reason, find_link_hint(real)))
    elif real.exists():
        relative = written if not written.is_absolute() else Path(os.path.relpath(real, link.parent))
        copy.symlink_to(relative)


def find_module_places(modules: Mapping[str, Path]) -> dict[str, Path]:
    """Return the folders of packages and of everything that they need, by the place where Node finds each.

    Keys are such as `node_modules/sharp`. A package that another one has inside itself comes with that one.
    """
    places = {f"node_modules/{name}": folder.resolve() for name, folder in modules.items()}
    waiting = deque(places.items())
    while waiting:
        place, folder = waiting.popleft()
        for name in _needed_names(folder):
            found = _find_module(name, folder)
            if found is None or found.is_relative_to(folder):
                continue
            top = f"node_modules/{name}"
            chosen = top if places.get(top, found) == found else f"{place}/{top}"
            if chosen not in places:
                places[chosen] = found
                waiting.append((chosen, found))
    return dict(sorted(places.items()))


def _needed_names(folder: Path) -> list[str]:
    """Return the names of what a package loads; of its peers those that are not optional."""
    try:
        project = parse_json(read_if_there(folder / "package.json"))
        optional = {
            name for name, facts in (project.get("peerDependenciesMeta") or {}).items() if facts.get("optional")
        }
        names = set(project.get("peerDependencies") or {}) - optional
        names |= {*(project.get("dependencies") or {}), *(project.get("optionalDependencies") or {})}
        return sorted({*names, GENERATED_MODULES.get(str(project.get("name")), "")} - {""})
    except (ValueError, AttributeError, TypeError):  # no package: it needs nothing that could be found
        return []


def _find_module(name: str, folder: Path) -> Path | None:
    """Return the folder that Node finds for a name from inside a folder; an optional one may not be there."""
    for around in (folder, *folder.parents):
        if around.name != "node_modules" and (candidate := around / "node_modules" / name).is_dir():
            return candidate.resolve()
    return None
