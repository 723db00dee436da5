"""Checks whether inputs have the shape that their type declares; unknown values pass."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Evidence, Property, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice, Requires, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    DEFAULTS_KEY,
    UNKNOWN,
    ResourceProperties,
    is_given_value,
)


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One thing that is wrong with the inputs; a warning does not refuse."""

    property: str
    reason: str
    warning: bool
    evidence: str


_PYTHON_TYPES: Final[Mapping[ValueKind, tuple[type, ...]]] = {
    ValueKind.TEXT: (str,),
    ValueKind.INTEGER: (int, float),
    ValueKind.NUMBER: (int, float),
    ValueKind.FLAG: (bool,),
    ValueKind.LIST: (list, tuple),
    ValueKind.SET: (list, tuple),
    ValueKind.MAP: (Mapping,),
    ValueKind.BLOCK: (Mapping,),
    ValueKind.JSON: (str, Mapping),
    ValueKind.ARCHIVE: (Mapping,),
    ValueKind.ANY: (object,),
}


def check_inputs(rule: TypeRule, inputs: ResourceProperties) -> list[CheckFailure]:
    """Return everything that is wrong with the shape of the inputs, in the order of the table."""
    properties = {name: value for name, value in inputs.items() if name != DEFAULTS_KEY}
    return [*_check_fields(rule.properties, properties, ""), *_check_conditions(rule, properties)]


def _check_fields(known: Mapping[str, Property], values: ResourceProperties, prefix: str) -> Iterator[CheckFailure]:
    for name in sorted(values.keys() - known.keys()):
        yield _make_failure(f"{prefix}{name}", _explain_unknown_name(name, known), Evidence.DOC)
    for name, rule in known.items():
        value = values.get(name)
        if is_given_value(value):
            yield from _check_value(rule, value, f"{prefix}{name}")
        elif rule.required and not (rule.allow_blank and value in ("", [], (), {})):
            yield _make_failure(f"{prefix}{name}", "is required", Evidence.DOC)


def _check_value(rule: Property, value: Any, path: str) -> Iterator[CheckFailure]:
    if value is UNKNOWN:
        return
    if not _has_kind(rule.kind, value):
        yield _make_failure(path, f"must be a {rule.kind}", Evidence.DOC)
        return
    for limit in rule.limits:
        if violation := limit.violation(value):
            yield _make_failure(path, violation, limit.evidence)
    yield from _check_nested(rule, value, path)


def _check_nested(rule: Property, value: Any, path: str) -> Iterator[CheckFailure]:
    if rule.kind is ValueKind.BLOCK:
        yield from _check_fields(rule.fields, value, f"{path}.")
    elif rule.items is not None:
        elements = value.items() if rule.kind is ValueKind.MAP else enumerate(value)
        for key, element in elements:
            yield from _check_value(rule.items, element, f"{path}.{key}")


def _has_kind(kind: ValueKind, value: Any) -> bool:
    if isinstance(value, bool):
        return kind in (ValueKind.FLAG, ValueKind.ANY)
    if kind is ValueKind.JSON and isinstance(value, str):
        return _is_json(value)
    if kind is ValueKind.INTEGER and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _PYTHON_TYPES[kind])


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _check_conditions(rule: TypeRule, inputs: ResourceProperties) -> Iterator[CheckFailure]:
    present = {name for name, value in inputs.items() if is_given_value(value)}
    for condition in rule.conditions:
        if reason := _condition_violation(condition, present):
            names = condition.names if isinstance(condition, Choice) else (condition.name,)
            path = next((name for name in names if name in present), names[0])
            yield _make_failure(path, reason, condition.evidence)


def _condition_violation(condition: Choice | Requires, present: set[str]) -> str:
    if isinstance(condition, Requires):
        missing = [name for name in condition.others if name not in present]
        return f"needs {', '.join(missing)} beside it" if condition.name in present and missing else ""
    count = len(present.intersection(condition.names))
    names = ", ".join(condition.names)
    if count < condition.minimum:
        return f"needs one of {names}"
    return f"only {condition.maximum} of {names} may be given" if count > condition.maximum else ""


def _explain_unknown_name(name: str, known: Mapping[str, Property]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"is not a property of this type; did you mean {near[0]}?" if near else "is not a property of this type"


def _make_failure(path: str, reason: str, evidence: Evidence) -> CheckFailure:
    return CheckFailure(path, reason, warning=not evidence.is_firm, evidence=evidence.value)
