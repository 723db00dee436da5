"""What changed between what a resource was asked to be and what it is asked to be now.

The past is what the cloud reported last, where it reported it, so that a refreshed drift shows. What the cloud chose
by itself and nobody wrote is no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from semantest_iac.infrastructure.simulated_cloud.properties import Kind, Property
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.sameness import filled, same
from semantest_iac.infrastructure.simulated_cloud.values import DEFAULTS_MARK, MISSING, UNKNOWN, Properties


@dataclass(frozen=True, slots=True)
class Diff:
    """Names of changed properties, Pulumi property paths with the kind of each change, and what forces replacement."""

    changed: tuple[str, ...] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


class _Place(NamedTuple):
    rule: Property | None
    path: str
    replaces: bool


class _Values(NamedTuple):
    asked: Any
    reported: Any
    new: Any

    @property
    def old(self) -> Any:
        return self.asked if self.reported is MISSING else self.reported


def diff(rule: TypeRule, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Diff:
    """The difference that an update to the new inputs would make."""
    asked, new = filled(rule.properties, old_inputs), filled(rule.properties, new_inputs)
    names = sorted((asked.keys() | new.keys()) - {DEFAULTS_MARK})
    detailed: dict[str, str] = {}
    changed, replaces = [], []
    for name in names:
        place = _Place(rule.properties.get(name), name, False)
        values = _Values(asked.get(name, MISSING), old_outputs.get(name, MISSING), new.get(name, MISSING))
        if found := dict(_compare(place, values)):
            detailed |= found
            changed.append(name)
            replaces += [name] if any(kind.endswith("replace") for kind in found.values()) else []
    in_place = bool(replaces) and _keeps_its_name(rule, old_inputs, new_inputs)
    return Diff(tuple(changed), detailed, tuple(replaces), in_place)


def _keeps_its_name(rule: TypeRule, old: Properties, new: Properties) -> bool:
    chosen = rule.name and rule.name not in new.get(DEFAULTS_MARK, ())
    return bool(chosen) and old.get(rule.name, MISSING) == new.get(rule.name) is not None


def _compare(place: _Place, values: _Values) -> Iterator[tuple[str, str]]:
    if place.rule and place.rule.rewritten:
        values = values._replace(reported=MISSING)
    if same(place.rule, values.old, values.new):
        return
    if values.new is MISSING:
        if values.asked is not MISSING and not (place.rule and place.rule.settled):
            yield _change(place, "delete")
    elif values.old is MISSING:
        yield _change(place, "add")
    elif children := list(_children(place, values)):
        for child, inner in children:
            yield from _compare(child, inner)
    else:
        yield _change(place, "update")


def _children(place: _Place, values: _Values) -> Iterator[tuple[_Place, _Values]]:
    rule = place.rule
    if rule is None or UNKNOWN in (values.old, values.new):
        return
    replaces = place.replaces or rule.replaces
    if rule.kind in (Kind.BLOCK, Kind.MAP):
        for key in sorted(_keys(values.asked) | _keys(values.new)):
            inner = _Values(*(_entry(value, key) for value in values))
            yield _Place(rule.items or rule.fields.get(key), place.path + _step(key), replaces), inner
    elif rule.kind is Kind.LIST and len(values.old) == len(values.new) > 0:
        for index in range(len(values.new)):
            inner = _Values(*(MISSING if value is MISSING else _element(value, index) for value in values))
            yield _Place(rule.items, f"{place.path}[{index}]", replaces), inner


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, Mapping) else set()


def _entry(value: Any, key: str) -> Any:
    return value.get(key, MISSING) if isinstance(value, Mapping) else MISSING


def _element(value: Any, index: int) -> Any:
    return value[index] if index < len(value) else MISSING


def _step(key: str) -> str:
    plain = key.replace("_", "").isalnum()
    return f".{key}" if plain else f'["{key}"]'


def _change(place: _Place, kind: str) -> tuple[str, str]:
    replaces = place.replaces or bool(place.rule and place.rule.replaces)
    return place.path, f"{kind}-replace" if replaces else kind
