"""Every cloud that there is here: ours, and those that other distributions offer as entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.infrastructure.clouds.entry import CloudEntry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP: Final = "semantest_iac.clouds"

EntryPointFinder = Callable[[], Mapping[str, "EntryPoint"]]


def _find_installed() -> Mapping[str, EntryPoint]:
    return _find_on_path(tuple(sys.path))


@lru_cache(maxsize=4)
def _find_on_path(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points  # here: who deploys to our clouds does not pay for it

    return {
        point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP)) if point.name not in CLOUD_ENTRIES
    }


class CloudRegistry(Mapping[str, CloudEntry]):
    """By name, ours first: what else is installed is looked at when none of ours is meant, and loaded by name alone."""

    def __init__(self, points: EntryPointFinder = _find_installed) -> None:
        self._points = points

    def __getitem__(self, name: str) -> CloudEntry:
        return CLOUD_ENTRIES[name] if name in CLOUD_ENTRIES else _load_entry(self._points()[name])

    def __iter__(self) -> Iterator[str]:
        yield from CLOUD_ENTRIES
        yield from self._points()

    def __len__(self) -> int:
        return len(CLOUD_ENTRIES) + len(self._points())

    def __contains__(self, name: object) -> bool:
        return name in CLOUD_ENTRIES or name in self._points()

    def of_package(self, package: str) -> CloudEntry:
        """The cloud of a Pulumi provider; KeyError where there is none."""
        for cloud in self.values():
            if cloud.package == package:
                return cloud
        raise KeyError(package)


def _load_entry(point: EntryPoint) -> CloudEntry:
    """What a distribution offers; raises RefusedError where that cannot be used."""
    source = point.dist.name if point.dist else point.value
    hint = f"Update '{source}', or uninstall it."
    try:
        entry = point.load()
    except (ImportError, AttributeError) as error:
        raise RefusedError(f"Cannot use '{point.name}': {error}.", "CLOUD_UNUSABLE", hint=hint) from error
    if isinstance(entry, CloudEntry) and entry.name == point.name:
        return entry
    message = f"Cannot use '{point.name}': {point.value} is not the entry of a cloud of that name."
    raise RefusedError(message, "CLOUD_UNUSABLE", hint=hint)


CLOUDS: Final = CloudRegistry()


def region_setting_of(package: str) -> str:
    """The setting of a Pulumi provider that says where it works; one that works elsewhere is another provider."""
    try:
        return CLOUDS.of_package(package).place
    except KeyError:
        return "region"
