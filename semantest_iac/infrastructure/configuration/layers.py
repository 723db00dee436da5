"""Values together with the places they were written at, and how one layer covers another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault

KeyPath = tuple[str | int, ...]
ConfigurationValues = dict[str, Any]

_LAST_STEP = re.compile(r"(^|\.)[^.\[\]]*$|\[\d+\]$")


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """A file, variable or option; line and column count from one."""

    source: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationLayer:
    """What one source says. Places are kept by dotted path, so that faults of the domain find them."""

    values: ConfigurationValues = field(default_factory=dict)
    places: Mapping[str, SourcePosition] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def format_key_path(path: Iterable[str | int]) -> str:
    """`components.rest-api.routes[0].path`, with foreign keys made fit for a message."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{make_printable(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def fault_at(place: SourcePosition, path: str, message: str, hint: str = "") -> Fault:
    """A fault that says where it was written."""
    return Fault(path, message, hint, place.source, place.line, place.column)


def single_value_layer(path: KeyPath, value: Any, place: SourcePosition) -> ConfigurationLayer:
    """A layer of one value."""
    values = value
    for step in reversed(path):
        values = {step: values}
    return ConfigurationLayer(values, {format_key_path(path[: depth + 1]): place for depth in range(len(path))})


def layer_from_values(values: ConfigurationValues, place: SourcePosition, path: KeyPath = ()) -> ConfigurationLayer:
    """A layer of values that a program gives, all of them at one place."""
    inner = (
        layer_from_values(value, place, (*path, key))
        if isinstance(value, dict) and value
        else single_value_layer((*path, key), value, place)
        for key, value in values.items()
    )
    return merge_layers(inner)


def merge_layers(layers: Iterable[ConfigurationLayer]) -> ConfigurationLayer:
    """Later layers win: mappings are merged and stay where they were, everything else is replaced as a whole."""
    whole = ConfigurationLayer()
    for layer in layers:
        merged_paths = _paths_in_both(whole.values, layer.values)
        kept = {path: whole.places[path] for path in merged_paths if path in whole.places}
        places = {**whole.places, **layer.places, **kept}
        whole = ConfigurationLayer(_merge_values(whole.values, layer.values), places, whole.faults + layer.faults)
    return whole


def _merge_values(below: ConfigurationValues, above: ConfigurationValues) -> ConfigurationValues:
    both = {key: _merge_values(below[key], above[key]) for key in _mappings_in_both(below, above)}
    return {**below, **above, **both}


def _paths_in_both(below: ConfigurationValues, above: ConfigurationValues, path: KeyPath = ()) -> Iterator[str]:
    for key in _mappings_in_both(below, above):
        yield format_key_path((*path, key))
        yield from _paths_in_both(below[key], above[key], (*path, key))


def _mappings_in_both(below: ConfigurationValues, above: ConfigurationValues) -> list[str]:
    return [key for key in above if isinstance(above[key], dict) and isinstance(below.get(key), dict)]


def drop_nulls(values: ConfigurationValues) -> ConfigurationValues:
    """The values without nulls: a null takes back what a lower layer said."""
    return {
        key: drop_nulls(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def locate_faults(faults: Iterable[Fault], places: Mapping[str, SourcePosition]) -> tuple[Fault, ...]:
    """The faults with the place of their path, or of the nearest path around it."""
    return tuple(_locate_fault(fault, places) for fault in faults)


def _locate_fault(fault: Fault, places: Mapping[str, SourcePosition]) -> Fault:
    path = fault.path
    while path and path not in places:
        path = _LAST_STEP.sub("", path)
    if fault.file is not None or path not in places:
        return fault
    place = places[path]
    return replace(fault, file=place.source, line=place.line, column=place.column)
