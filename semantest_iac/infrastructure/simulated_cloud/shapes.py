"""Whether inputs have the shape that their type asks for; what is unknown passes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.limits import Evidence
from semantest_iac.infrastructure.simulated_cloud.properties import Kind, Property
from semantest_iac.infrastructure.simulated_cloud.rules import Choice, Requires, TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import DEFAULTS_MARK, UNKNOWN, Properties, given


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong with the inputs; a warning never refuses."""

    property: str
    reason: str
    warning: bool
    evidence: str


_SHAPES: Final[Mapping[Kind, tuple[type, ...]]] = {
    Kind.TEXT: (str,),
    Kind.INTEGER: (int, float),
    Kind.NUMBER: (int, float),
    Kind.FLAG: (bool,),
    Kind.LIST: (list, tuple),
    Kind.SET: (list, tuple),
    Kind.MAP: (Mapping,),
    Kind.BLOCK: (Mapping,),
    Kind.JSON: (str, Mapping),
    Kind.ARCHIVE: (Mapping,),
    Kind.ANY: (object,),
}


def check(rule: TypeRule, inputs: Properties) -> list[Failure]:
    """Everything that is wrong with the shape of the inputs, in the order of the table."""
    ours = {name: value for name, value in inputs.items() if name != DEFAULTS_MARK}
    return [*_fields(rule.properties, ours, ""), *_conditions(rule, ours)]


def _fields(known: Mapping[str, Property], values: Properties, prefix: str) -> Iterator[Failure]:
    for name in sorted(values.keys() - known.keys()):
        yield _failure(f"{prefix}{name}", _unknown_name(name, known), Evidence.DOC)
    for name, rule in known.items():
        value = values.get(name)
        if given(value):
            yield from _value(rule, value, f"{prefix}{name}")
        elif rule.required and not (rule.blank and value == ""):
            yield _failure(f"{prefix}{name}", "is required", Evidence.DOC)


def _value(rule: Property, value: Any, path: str) -> Iterator[Failure]:
    if value is UNKNOWN:
        return
    if not _fits(rule.kind, value):
        yield _failure(path, f"must be a {rule.kind}", Evidence.DOC)
        return
    for limit in rule.limits:
        if complaint := limit.complaint(value):
            yield _failure(path, complaint, limit.evidence)
    yield from _inside(rule, value, path)


def _inside(rule: Property, value: Any, path: str) -> Iterator[Failure]:
    if rule.kind is Kind.BLOCK:
        yield from _fields(rule.fields, value, f"{path}.")
    elif rule.items is not None:
        elements = value.items() if rule.kind is Kind.MAP else enumerate(value)
        for key, element in elements:
            yield from _value(rule.items, element, f"{path}.{key}")


def _fits(kind: Kind, value: Any) -> bool:
    if isinstance(value, bool):
        return kind in (Kind.FLAG, Kind.ANY)
    if kind is Kind.JSON and isinstance(value, str):
        return _is_json(value)
    if kind is Kind.INTEGER and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _SHAPES[kind])


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _conditions(rule: TypeRule, inputs: Properties) -> Iterator[Failure]:
    present = {name for name, value in inputs.items() if given(value)}
    for condition in rule.conditions:
        if reason := _breach(condition, present):
            names = condition.names if isinstance(condition, Choice) else (condition.name,)
            yield _failure(next((name for name in names if name in present), names[0]), reason, condition.evidence)


def _breach(condition: Choice | Requires, present: set[str]) -> str:
    if isinstance(condition, Requires):
        missing = [name for name in condition.others if name not in present]
        return f"needs {', '.join(missing)} beside it" if condition.name in present and missing else ""
    count = len(present.intersection(condition.names))
    names = ", ".join(condition.names)
    if count < condition.least:
        return f"needs one of {names}"
    return f"only {condition.most} of {names} may be given" if count > condition.most else ""


def _unknown_name(name: str, known: Mapping[str, Property]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"is not a property of this type; did you mean {near[0]}?" if near else "is not a property of this type"


def _failure(path: str, reason: str, evidence: Evidence) -> Failure:
    return Failure(path, reason, warning=not evidence.is_firm, evidence=evidence.value)
