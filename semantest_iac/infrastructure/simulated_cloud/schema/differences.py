"""Compares the old and the new inputs of a resource, as a provider does before an update.

The old side is what the cloud reported last, where it reported it, so that drift shows after a refresh. A value that
the cloud chose and nobody wrote is no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from semantest_iac.infrastructure.simulated_cloud.schema.equality import are_equal, with_defaults
from semantest_iac.infrastructure.simulated_cloud.schema.properties import Property, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    DEFAULTS_KEY,
    MISSING,
    UNKNOWN,
    ResourceProperties,
)


@dataclass(frozen=True, slots=True)
class ResourceDiff:
    """Names of changed properties, Pulumi property paths with the kind of each change, and what forces replacement."""

    changed: tuple[str, ...] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


class _PropertyPath(NamedTuple):
    rule: Property | None
    path: str
    replaces: bool


class _ComparedValues(NamedTuple):
    asked: Any
    reported: Any
    new: Any

    @property
    def old(self) -> Any:
        return self.asked if self.reported is MISSING else self.reported


def compute_diff(
    rule: TypeRule, old_inputs: ResourceProperties, old_outputs: ResourceProperties, new_inputs: ResourceProperties
) -> ResourceDiff:
    """The difference that an update to the new inputs would make."""
    asked, new = with_defaults(rule.properties, old_inputs), with_defaults(rule.properties, new_inputs)
    names = sorted((asked.keys() | new.keys()) - {DEFAULTS_KEY})
    detailed: dict[str, str] = {}
    changed, replaces = [], []
    for name in names:
        place = _PropertyPath(rule.properties.get(name), name, False)
        values = _ComparedValues(asked.get(name, MISSING), old_outputs.get(name, MISSING), new.get(name, MISSING))
        if found := dict(_compare(place, values)):
            detailed |= found
            changed.append(name)
            replaces += [name] if any(kind.endswith("replace") for kind in found.values()) else []
    in_place = bool(replaces) and _keeps_physical_name(rule, old_inputs, new_inputs)
    return ResourceDiff(tuple(changed), detailed, tuple(replaces), in_place)


def _keeps_physical_name(rule: TypeRule, old: ResourceProperties, new: ResourceProperties) -> bool:
    chosen = rule.name and rule.name not in new.get(DEFAULTS_KEY, ())
    return bool(chosen) and old.get(rule.name, MISSING) == new.get(rule.name) is not None


def _compare(place: _PropertyPath, values: _ComparedValues) -> Iterator[tuple[str, str]]:
    if place.rule and place.rule.rewritten:
        values = values._replace(reported=MISSING)
    if are_equal(place.rule, values.old, values.new):
        return
    if values.new is MISSING:
        if values.asked is not MISSING and not (place.rule and place.rule.settled):
            yield _describe_change(place, "delete")
    elif values.old is MISSING:
        yield _describe_change(place, "add")
    elif children := list(_children(place, values)):
        for child, inner in children:
            yield from _compare(child, inner)
    else:
        yield _describe_change(place, "update")


def _children(place: _PropertyPath, values: _ComparedValues) -> Iterator[tuple[_PropertyPath, _ComparedValues]]:
    rule = place.rule
    if rule is None or UNKNOWN in (values.old, values.new):
        return
    replaces = place.replaces or rule.replaces
    if rule.kind in (ValueKind.BLOCK, ValueKind.MAP):
        for key in sorted(_mapping_keys(values.asked) | _mapping_keys(values.new)):
            inner = _ComparedValues(*(_mapping_entry(value, key) for value in values))
            yield _PropertyPath(rule.items or rule.fields.get(key), place.path + _path_step(key), replaces), inner
    elif rule.kind is ValueKind.LIST and len(values.old) == len(values.new) > 0:
        for index in range(len(values.new)):
            inner = _ComparedValues(*(MISSING if value is MISSING else _list_element(value, index) for value in values))
            yield _PropertyPath(rule.items, f"{place.path}[{index}]", replaces), inner


def _mapping_keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, Mapping) else set()


def _mapping_entry(value: Any, key: str) -> Any:
    return value.get(key, MISSING) if isinstance(value, Mapping) else MISSING


def _list_element(value: Any, index: int) -> Any:
    return value[index] if index < len(value) else MISSING


def _path_step(key: str) -> str:
    plain = key.replace("_", "").isalnum()
    return f".{key}" if plain else f'["{key}"]'


def _describe_change(place: _PropertyPath, kind: str) -> tuple[str, str]:
    replaces = place.replaces or bool(place.rule and place.rule.replaces)
    return place.path, f"{kind}-replace" if replaces else kind
