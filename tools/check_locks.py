"""Checks that the requirement files are complete: no requirement of a locked package is left to a resolver.

Reads the metadata of the installed packages, for every supported Python on Linux, macOS and Windows; a package that is
locked for another platform cannot be read here and is counted. Exits with 1 and lists every fault. `--write` writes the
checksum of each file into its first line, which reveals lost or edited lines.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
UNINSTALLED = (
    ROOT / "requirements" / "docs.txt",
    ROOT / "requirements" / "examples.txt",
    ROOT / "semantest_iac" / "payloads" / "python_application" / "adapters.txt",
)
"""Locks whose packages are not installed here: only their checksums can be checked."""
EVENT_EXTRAS = ("kafka", "nats", "rabbitmq", "redis", "webhooks")
EXTRAS = {
    "deploy.txt": ("aws", "azure", "gateway", "telemetry"),
    "worker.txt": ("aws", "azure", "object-store", "postgres", "telemetry", *EVENT_EXTRAS),
    "test.txt": ("aws", "azure", "gateway", "object-store", "postgres", "telemetry", *EVENT_EXTRAS, "dev", "models"),
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))
FOR_EDITABLE = "editables>=0.5"  # required by hatchling to install this folder as editable
CHECKSUM = "# sha256 of the lines below: "

Environment = dict[str, str]


@dataclass(frozen=True)
class LockedPackage:
    """One line of a requirement file: an exact version, and where it is installed."""

    version: str
    marker: Marker | None

    def is_installed_on(self, environment: Environment) -> bool:
        """Whether the line's marker is true there."""
        return self.marker is None or self.marker.evaluate(environment)


Lock = dict[str, list[LockedPackage]]


def supported_environments() -> list[Environment]:
    """The values of markers for every supported Python on every platform."""
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.1",
            "sys_platform": platform,
            "platform_system": system,
            "os_name": os_name,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        for python, (platform, system, os_name) in itertools.product(PYTHONS, PLATFORMS)
    ]


def read_lock(text: str) -> Lock:
    """The locked lines by project name."""
    lock: Lock = {}
    for line in text.splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            pinned = str(requirement.specifier).removeprefix("==")
            lock.setdefault(canonicalize_name(requirement.name), []).append(LockedPackage(pinned, requirement.marker))
    return lock


def root_requirements(extras: tuple[str, ...]) -> list[str]:
    """The requirements of pyproject.toml with these extras or groups, including those of the build."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    by_name = {**project["optional-dependencies"], **settings["dependency-groups"]}
    optional = itertools.chain.from_iterable(by_name[extra] for extra in extras)
    return [*project["dependencies"], *optional, *settings["build-system"]["requires"], FOR_EDITABLE]


def find_faults(lock: Lock, roots: list[str], environment: Environment, unread: set[str]) -> Iterator[str]:
    """One line for each requirement that the lock does not meet; names without metadata are added to `unread`."""
    waiting = [("pyproject.toml", Requirement(root)) for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        origin, requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        locked = [package for package in lock.get(name, ()) if package.is_installed_on(environment)]
        if not any(requirement.specifier.contains(package.version, prereleases=True) for package in locked):
            held = ", ".join(package.version for package in locked) or "nothing"
            yield f"{origin} requires '{requirement}', the lock holds {held}"
        elif (name, frozenset(requirement.extras)) not in seen:
            seen.add((name, frozenset(requirement.extras)))
            waiting += _requirements_of(name, locked, requirement.extras, environment, unread)


def _requirements_of(
    name: str, locked: list[LockedPackage], extras: set[str], environment: Environment, unread: set[str]
) -> list[tuple[str, Requirement]]:
    installed = _read_installed_version(name)
    if installed is None or installed not in {package.version for package in locked}:
        unread.add(name)
        return []
    return [(name, each) for each in _list_wanted(name, frozenset(extras), tuple(environment.items()))]


@cache
def _read_installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache  # metadata and markers take nearly all of the time, and each is looked at for every environment and lock
def _list_wanted(name: str, extras: frozenset[str], environment: tuple[tuple[str, str], ...]) -> list[Requirement]:
    """The requirements of an installed package that count with these extras in an environment."""
    wanted = [{**dict(environment), "extra": extra} for extra in ("", *sorted(extras))]
    return [
        each
        for each in _read_requirements(name)
        if each.marker is None or any(each.marker.evaluate(values) for values in wanted)
    ]


@cache
def _read_requirements(name: str) -> list[Requirement]:
    return [Requirement(line) for line in requires(name) or ()]


def checksum_line(text: str) -> str:
    """The first line of a requirement file, for the lines that follow it."""
    return f"{CHECKSUM}{hashlib.sha256(text.encode()).hexdigest()}\n"


def check(path: Path) -> list[str]:
    """The faults of one requirement file."""
    faults = check_checksum(path)
    lines = path.read_text(encoding="utf-8").partition("\n")[2]
    lock, roots, unread = read_lock(lines), root_requirements(EXTRAS[path.name]), set[str]()
    for environment in supported_environments():
        place = f"Python {environment['python_version']} on {environment['platform_system']}"
        faults += [f"{fault} ({place})" for fault in find_faults(lock, roots, environment, unread)]
    print(
        f"{path.name}: {len(lock)} packages, {len(faults)} faults, {len(unread)} not installed here: {sorted(unread)}"
    )
    return [f"{path.name}: {fault}" for fault in faults]


def check_checksum(path: Path) -> list[str]:
    """The fault of a requirement file whose first line is not the checksum of the others."""
    first, _, lines = path.read_text(encoding="utf-8").partition("\n")
    return [] if f"{first}\n" == checksum_line(lines) else ["a line was lost or edited: run 'make lock'"]


def write_checksum(path: Path) -> None:
    """Write the checksum into a file that `make lock` has just written."""
    lines = "".join(
        line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith(CHECKSUM)
    )
    path.write_text(checksum_line(lines) + lines, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Check the requirement files, or write their checksums."""
    paths = [ROOT / "requirements" / name for name in EXTRAS]
    if arguments == ["--write"]:
        for path in (*paths, *UNINSTALLED):
            write_checksum(path)
        return 0
    faults = [fault for path in paths for fault in check(path)]
    faults += [f"{path.name}: {fault}" for path in UNINSTALLED for fault in check_checksum(path)]
    print(*faults, sep="\n", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
