"""Values together with the places they were written at, and how one layer covers another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import Fault

Path = tuple[str | int, ...]
Values = dict[str, Any]

_LAST_STEP = re.compile(r"(^|\.)[^.\[\]]*$|\[\d+\]$")


@dataclass(frozen=True, slots=True)
class Place:
    """A file, variable or option; line and column count from one."""

    source: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says. Places are kept by dotted path, so that faults of the domain find them."""

    values: Values = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def dotted(path: Iterable[str | int]) -> str:
    """`components.rest-api.routes[0].path`, with foreign keys made fit for a message."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def fault_at(place: Place, path: str, message: str, hint: str = "") -> Fault:
    """A fault that says where it was written."""
    return Fault(path, message, hint, place.source, place.line, place.column)


def nested(path: Path, value: Any, place: Place) -> Layer:
    """A layer of one value."""
    values = value
    for step in reversed(path):
        values = {step: values}
    return Layer(values, {dotted(path[: depth + 1]): place for depth in range(len(path))})


def of_values(values: Values, place: Place, path: Path = ()) -> Layer:
    """A layer of values that a program gives, all of them at one place."""
    inner = (
        of_values(value, place, (*path, key))
        if isinstance(value, dict) and value
        else nested((*path, key), value, place)
        for key, value in values.items()
    )
    return merged(inner)


def merged(layers: Iterable[Layer]) -> Layer:
    """Later layers win: mappings are merged and stay where they were, everything else is replaced as a whole."""
    whole = Layer()
    for layer in layers:
        merged_paths = _merged_paths(whole.values, layer.values)
        kept = {path: whole.places[path] for path in merged_paths if path in whole.places}
        places = {**whole.places, **layer.places, **kept}
        whole = Layer(_covered(whole.values, layer.values), places, whole.faults + layer.faults)
    return whole


def _covered(below: Values, above: Values) -> Values:
    both = {key: _covered(below[key], above[key]) for key in _mappings_in_both(below, above)}
    return {**below, **above, **both}


def _merged_paths(below: Values, above: Values, path: Path = ()) -> Iterator[str]:
    for key in _mappings_in_both(below, above):
        yield dotted((*path, key))
        yield from _merged_paths(below[key], above[key], (*path, key))


def _mappings_in_both(below: Values, above: Values) -> list[str]:
    return [key for key in above if isinstance(above[key], dict) and isinstance(below.get(key), dict)]


def written(values: Values) -> Values:
    """The values without nulls: a null takes back what a lower layer said."""
    return {
        key: written(value) if isinstance(value, dict) else value for key, value in values.items() if value is not None
    }


def located(faults: Iterable[Fault], places: Mapping[str, Place]) -> tuple[Fault, ...]:
    """The faults with the place of their path, or of the nearest path around it."""
    return tuple(_located(fault, places) for fault in faults)


def _located(fault: Fault, places: Mapping[str, Place]) -> Fault:
    path = fault.path
    while path and path not in places:
        path = _LAST_STEP.sub("", path)
    if fault.file is not None or path not in places:
        return fault
    place = places[path]
    return replace(fault, file=place.source, line=place.line, column=place.column)
