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
    """The effect of an update.

    `changed` and `replaces` are names of properties; `detailed` maps Pulumi property paths to kinds of change, such as
    `update` or `add-replace`.
    """

    changed: tuple[str, ...] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


class _PropertyPath(NamedTuple):
    rule: Property | None
    path: str
    force_new: bool


class _ComparedValues(NamedTuple):
    requested: Any
    reported: Any
    new: Any

    @property
    def old(self) -> Any:
        return self.requested if self.reported is MISSING else self.reported


def compute_diff(
    rule: TypeRule, old_inputs: ResourceProperties, old_outputs: ResourceProperties, new_inputs: ResourceProperties
) -> ResourceDiff:
    old, new = with_defaults(rule.properties, old_inputs), with_defaults(rule.properties, new_inputs)
    names = sorted((old.keys() | new.keys()) - {DEFAULTS_KEY})
    detailed: dict[str, str] = {}
    changed, replaces = [], []
    for name in names:
        property_path = _PropertyPath(rule.properties.get(name), name, False)
        values = _ComparedValues(old.get(name, MISSING), old_outputs.get(name, MISSING), new.get(name, MISSING))
        if changes := dict(_compare(property_path, values)):
            detailed |= changes
            changed.append(name)
            replaces += [name] if any(kind.endswith("replace") for kind in changes.values()) else []
    delete_first = bool(replaces) and _keeps_physical_name(rule, old_inputs, new_inputs)
    return ResourceDiff(tuple(changed), detailed, tuple(replaces), delete_first)


def _keeps_physical_name(rule: TypeRule, old: ResourceProperties, new: ResourceProperties) -> bool:
    is_explicit = rule.name_input and rule.name_input not in new.get(DEFAULTS_KEY, ())
    return bool(is_explicit) and old.get(rule.name_input, MISSING) == new.get(rule.name_input) is not None


def _compare(property_path: _PropertyPath, values: _ComparedValues) -> Iterator[tuple[str, str]]:
    if property_path.rule and property_path.rule.reported_differently:
        values = values._replace(reported=MISSING)
    if are_equal(property_path.rule, values.old, values.new):
        return
    if values.new is MISSING:
        if values.requested is not MISSING and not (property_path.rule and property_path.rule.computed_default):
            yield _describe_change(property_path, "delete")
    elif values.old is MISSING:
        yield _describe_change(property_path, "add")
    elif children := list(_children(property_path, values)):
        for child, inner in children:
            yield from _compare(child, inner)
    else:
        yield _describe_change(property_path, "update")


def _children(property_path: _PropertyPath, values: _ComparedValues) -> Iterator[tuple[_PropertyPath, _ComparedValues]]:
    rule = property_path.rule
    if rule is None or UNKNOWN in (values.old, values.new):
        return
    force_new = property_path.force_new or rule.force_new
    if rule.kind in (ValueKind.BLOCK, ValueKind.MAP):
        for key in sorted(_mapping_keys(values.requested) | _mapping_keys(values.new)):
            inner = _ComparedValues(*(_mapping_entry(value, key) for value in values))
            yield (
                _PropertyPath(rule.items or rule.fields.get(key), property_path.path + _path_step(key), force_new),
                inner,
            )
    elif rule.kind is ValueKind.LIST and len(values.old) == len(values.new) > 0:
        for index in range(len(values.new)):
            inner = _ComparedValues(*(MISSING if value is MISSING else _list_element(value, index) for value in values))
            yield _PropertyPath(rule.items, f"{property_path.path}[{index}]", force_new), inner


def _mapping_keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, Mapping) else set()


def _mapping_entry(value: Any, key: str) -> Any:
    return value.get(key, MISSING) if isinstance(value, Mapping) else MISSING


def _list_element(value: Any, index: int) -> Any:
    return value[index] if index < len(value) else MISSING


def _path_step(key: str) -> str:
    is_identifier = key.replace("_", "").isalnum()
    return f".{key}" if is_identifier else f'["{key}"]'


def _describe_change(property_path: _PropertyPath, kind: str) -> tuple[str, str]:
    force_new = property_path.force_new or bool(property_path.rule and property_path.rule.force_new)
    return property_path.path, f"{kind}-replace" if force_new else kind
