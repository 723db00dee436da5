"""Finds every installed cloud: the built-in ones, and those that other distributions offer as entry points."""

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
    from importlib.metadata import entry_points  # imported here: deployments to built-in clouds do not need it

    return {
        point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP)) if point.name not in CLOUD_ENTRIES
    }


class CloudRegistry(Mapping[str, CloudEntry]):
    """Maps names to clouds, built-in ones first.

    Other distributions are searched only for names that are not built in.
    """

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

    def find_by_package(self, package: str) -> CloudEntry:
        """Return the cloud of a Pulumi provider package; raises KeyError if there is none."""
        for cloud in self.values():
            if cloud.package == package:
                return cloud
        raise KeyError(package)


def _load_entry(point: EntryPoint) -> CloudEntry:
    """Load the entry that a distribution offers; raises RefusedError if it cannot be used."""
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
    """Return the setting of a Pulumi provider that names its region; another region means another provider."""
    try:
        return CLOUDS.find_by_package(package).region_setting
    except KeyError:
        return "region"
