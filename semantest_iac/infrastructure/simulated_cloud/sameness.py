"""When two values of one property are the same to a provider, whatever their spelling."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.properties import Kind, Property
from semantest_iac.infrastructure.simulated_cloud.values import MISSING, UNKNOWN, Properties, given


def filled(known: Mapping[str, Property], values: Properties) -> dict[str, Any]:
    """The values with the provider's defaults in, nested ones too, and without what counts as absent."""
    written = {name: _inside(known.get(name), value) for name, value in values.items() if given(value)}
    defaults = {name: rule.default for name, rule in known.items() if rule.default is not None}
    return {**{name: value for name, value in defaults.items() if name not in written}, **written}


def same(rule: Property | None, left: Any, right: Any) -> bool:
    """Whether both mean the same; something unknown is only the same as an equal value."""
    if left == right:
        return True
    if UNKNOWN in (left, right):
        return False
    return bool(_canonical(rule, left) == _canonical(rule, right))


def covers(rule: Property, told: Any, asked: Any) -> bool:
    """Whether what a cloud tells holds all that was asked, as far as it tells that at all."""
    if rule.rewritten or same(rule, told, asked):
        return True
    if not (isinstance(told, Mapping) and isinstance(asked, Mapping)):
        return False
    return all(name in rule.fields and covers(rule.fields[name], told.get(name), asked[name]) for name in asked)


def _inside(rule: Property | None, value: Any) -> Any:
    if rule is None:
        return value
    if rule.kind is Kind.BLOCK and isinstance(value, Mapping):
        return filled(rule.fields, value)
    if rule.items is not None and rule.items.kind is Kind.BLOCK and isinstance(value, list | tuple):
        return [_inside(rule.items, element) for element in value]
    return value


def _canonical(rule: Property | None, value: Any) -> Any:
    if value is MISSING or value is None or value is False or value in ("", [], {}, ()):
        return None
    return value if rule is None else _CANONICAL.get(rule.kind, _plain)(rule, value)


def _plain(rule: Property, value: Any) -> Any:
    return value.replace(" ", "").lower() if rule.folded and isinstance(value, str) else value


def _fields(rule: Property, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    pairs = {name: _canonical(rule.items or rule.fields.get(name), inner) for name, inner in value.items()}
    return {name: inner for name, inner in pairs.items() if inner is not None}


def _ordered(rule: Property, value: Any) -> Any:
    return [_canonical(rule.items, element) for element in value] if isinstance(value, list | tuple) else value


def _unordered(rule: Property, value: Any) -> Any:
    elements = _ordered(rule, value)
    return sorted(elements, key=_sort_key) if isinstance(elements, list) else elements


def _sort_key(element: Any) -> str:
    return json.dumps(element, sort_keys=True, default=str)


def _parsed(_rule: Property, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _hash(_rule: Property, value: Any) -> Any:
    return value.get("hash") or value if isinstance(value, Mapping) else value


_CANONICAL: Final[Mapping[Kind, Callable[[Property, Any], Any]]] = {
    Kind.MAP: _fields,
    Kind.BLOCK: _fields,
    Kind.LIST: _ordered,
    Kind.SET: _unordered,
    Kind.JSON: _parsed,
    Kind.ARCHIVE: _hash,
}
