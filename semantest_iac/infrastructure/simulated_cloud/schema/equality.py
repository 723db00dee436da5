"""Decides whether two values of one property are equal to a provider, whatever their spelling."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Property, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    MISSING,
    UNKNOWN,
    ResourceProperties,
    is_given_value,
)


def with_defaults(known: Mapping[str, Property], values: ResourceProperties) -> dict[str, Any]:
    """Return the given values with the provider's defaults, also inside nested objects."""
    given = {name: _nested_defaults(known.get(name), value) for name, value in values.items() if is_given_value(value)}
    defaults = {name: rule.default for name, rule in known.items() if rule.default is not None}
    return defaults | given


def are_equal(rule: Property | None, left: Any, right: Any) -> bool:
    """Compare two values as a provider does; an unknown value equals only itself."""
    if left == right:
        return True
    if UNKNOWN in (left, right):
        return False
    return bool(_canonicalize(rule, left) == _canonicalize(rule, right))


def covers_inputs(rule: Property, reported: Any, requested: Any) -> bool:
    """Return True where the reported value contains every field of the requested one that the cloud reports at all."""
    if rule.reported_differently or are_equal(rule, reported, requested):
        return True
    if not (isinstance(reported, Mapping) and isinstance(requested, Mapping)):
        return False
    return all(
        name in rule.fields and covers_inputs(rule.fields[name], reported.get(name), value)
        for name, value in requested.items()
    )


def _nested_defaults(rule: Property | None, value: Any) -> Any:
    if rule is None:
        return value
    if rule.kind is ValueKind.BLOCK and isinstance(value, Mapping):
        return with_defaults(rule.fields, value)
    if rule.items is not None and rule.items.kind is ValueKind.BLOCK and isinstance(value, list | tuple):
        return [_nested_defaults(rule.items, element) for element in value]
    return value


def _canonicalize(rule: Property | None, value: Any) -> Any:
    if value is MISSING or value is None or value is False or value in ("", [], {}, ()):
        return None
    return value if rule is None else _CANONICAL_BY_KIND.get(rule.kind, _fold_case_if_insensitive)(rule, value)


def _fold_case_if_insensitive(rule: Property, value: Any) -> Any:
    return value.replace(" ", "").lower() if rule.case_insensitive and isinstance(value, str) else value


def _canonical_fields(rule: Property, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    pairs = {name: _canonicalize(rule.items or rule.fields.get(name), inner) for name, inner in value.items()}
    return {name: inner for name, inner in pairs.items() if inner is not None}


def _canonical_list(rule: Property, value: Any) -> Any:
    return [_canonicalize(rule.items, element) for element in value] if isinstance(value, list | tuple) else value


def _canonical_set(rule: Property, value: Any) -> Any:
    elements = _canonical_list(rule, value)
    return sorted(elements, key=_sort_key) if isinstance(elements, list) else elements


def _sort_key(element: Any) -> str:
    return json.dumps(element, sort_keys=True, default=str)


def _canonical_json(_rule: Property, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _canonical_archive(_rule: Property, value: Any) -> Any:
    return value.get("hash") or value if isinstance(value, Mapping) else value


_CANONICAL_BY_KIND: Final[Mapping[ValueKind, Callable[[Property, Any], Any]]] = {
    ValueKind.MAP: _canonical_fields,
    ValueKind.BLOCK: _canonical_fields,
    ValueKind.LIST: _canonical_list,
    ValueKind.SET: _canonical_set,
    ValueKind.JSON: _canonical_json,
    ValueKind.ARCHIVE: _canonical_archive,
}
