"""Holds configuration values with their source positions, and merges them layer by layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault

KeyPath = tuple[str | int, ...]
ConfigurationValues = dict[str, Any]

_COMPONENT_PATH = re.compile(r"^components\.[^.\[]+")
_LAST_STEP = re.compile(r"(^|\.)[^.\[\]]*$|\[\d+\]$")


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """A file, variable or option; line and column count from 1."""

    source: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationLayer:
    """The values of one source, with positions by dotted path, so that faults of the domain can be located."""

    values: ConfigurationValues = field(default_factory=dict)
    positions: Mapping[str, SourcePosition] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def format_key_path(path: Iterable[str | int]) -> str:
    """Return `components.rest-api.routes[0].path`, with unprintable keys escaped."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{make_printable(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def fault_at(position: SourcePosition, path: str, message: str, hint: str = "") -> Fault:
    return Fault(path, message, hint, position.source, position.line, position.column)


def single_value_layer(path: KeyPath, value: Any, position: SourcePosition) -> ConfigurationLayer:
    values = value
    for step in reversed(path):
        values = {step: values}
    return ConfigurationLayer(values, {format_key_path(path[: depth + 1]): position for depth in range(len(path))})


def layer_from_values(values: ConfigurationValues, position: SourcePosition, path: KeyPath = ()) -> ConfigurationLayer:
    """Return a layer of values that a program passes, all at one position."""
    inner = (
        layer_from_values(value, position, (*path, key))
        if isinstance(value, dict) and value
        else single_value_layer((*path, key), value, position)
        for key, value in values.items()
    )
    return merge_layers(inner)


def merge_layers(layers: Iterable[ConfigurationLayer]) -> ConfigurationLayer:
    """Merge layers, later ones winning: mappings are merged and keep their position, other values are replaced."""
    merged = ConfigurationLayer()
    for layer in layers:
        merged_paths = _mapping_paths_in_both(merged.values, layer.values)
        kept_positions = {path: merged.positions[path] for path in merged_paths if path in merged.positions}
        positions = {**merged.positions, **layer.positions, **kept_positions}
        merged = ConfigurationLayer(_merge_values(merged.values, layer.values), positions, merged.faults + layer.faults)
    return merged


def _merge_values(below: ConfigurationValues, above: ConfigurationValues) -> ConfigurationValues:
    both = {key: _merge_values(below[key], above[key]) for key in _mappings_in_both(below, above)}
    return {**below, **above, **both}


def _mapping_paths_in_both(below: ConfigurationValues, above: ConfigurationValues, path: KeyPath = ()) -> Iterator[str]:
    for key in _mappings_in_both(below, above):
        yield format_key_path((*path, key))
        yield from _mapping_paths_in_both(below[key], above[key], (*path, key))


def _mappings_in_both(below: ConfigurationValues, above: ConfigurationValues) -> list[str]:
    return [key for key in above if isinstance(above[key], dict) and isinstance(below.get(key), dict)]


def lower_component_names(layer: ConfigurationLayer) -> ConfigurationLayer:
    """Return the layer with the names of components in lower case, unless that would make two of them one."""
    components = layer.values.get("components")
    if not isinstance(components, dict):
        return layer
    names = {name: name.lower() for name in components if isinstance(name, str)}
    if len(set(names.values())) < len(components) or all(name == lowered for name, lowered in names.items()):
        return layer
    values = {**layer.values, "components": {names[name]: section for name, section in components.items()}}
    return replace(layer, values=values, positions={_lower_component(path): at for path, at in layer.positions.items()})


def _lower_component(path: str) -> str:
    return _COMPONENT_PATH.sub(lambda match: match[0].lower(), path)


def drop_nulls(values: ConfigurationValues) -> ConfigurationValues:
    """Return the values without nulls: a null removes the value of a lower layer."""
    return {
        key: drop_nulls(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def locate_faults(faults: Iterable[Fault], positions: Mapping[str, SourcePosition]) -> tuple[Fault, ...]:
    """Return the faults with the position of their path, or of the nearest path around it."""
    return tuple(_locate_fault(fault, positions) for fault in faults)


def _locate_fault(fault: Fault, positions: Mapping[str, SourcePosition]) -> Fault:
    path = fault.path
    while path and path not in positions:
        shorter = _LAST_STEP.sub("", path)
        path = shorter if shorter != path else ""  # a step with brackets in it has no end that is known
    if fault.file is not None or path not in positions:
        return fault
    position = positions[path]
    return replace(fault, file=position.source, line=position.line, column=position.column)
