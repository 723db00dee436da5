"""Every cloud that there is here: ours, and those that other distributions offer as entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.clouds.entry import CloudEntry
from semantest_iac.infrastructure.clouds.ours import OURS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "semantest_iac.clouds"

Points = Callable[[], Mapping[str, "EntryPoint"]]


def _installed() -> Mapping[str, EntryPoint]:
    return _found_on(tuple(sys.path))


@lru_cache(maxsize=4)
def _found_on(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points  # here: who deploys to our clouds does not pay for it

    return {point.name: point for point in sorted(entry_points(group=GROUP)) if point.name not in OURS}


class Clouds(Mapping[str, CloudEntry]):
    """By name, ours first: what else is installed is looked at when none of ours is meant, and loaded by name alone."""

    def __init__(self, points: Points = _installed) -> None:
        self._points = points

    def __getitem__(self, name: str) -> CloudEntry:
        return OURS[name] if name in OURS else _loaded(self._points()[name])

    def __iter__(self) -> Iterator[str]:
        yield from OURS
        yield from self._points()

    def __len__(self) -> int:
        return len(OURS) + len(self._points())

    def __contains__(self, name: object) -> bool:
        return name in OURS or name in self._points()

    def of_package(self, package: str) -> CloudEntry:
        """The cloud of a Pulumi provider; KeyError where there is none."""
        for cloud in self.values():
            if cloud.package == package:
                return cloud
        raise KeyError(package)


def _loaded(point: EntryPoint) -> CloudEntry:
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


CLOUDS: Final = Clouds()


def place_of(package: str) -> str:
    """The setting of a Pulumi provider that says where it works; one that works elsewhere is another provider."""
    try:
        return CLOUDS.of_package(package).place
    except KeyError:
        return "region"
