"""Sequences about one type each: it is created, changed by values that its rules allow, and removed."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    Count,
    Length,
    Multiple,
    OneOf,
    Pattern,
    Property,
    Range,
    ValueKind,
)
from tests.differential.sequences import Edits, Step
from tests.differential.specs import ResourceSpec
from tests.differential.type_kinds import KINDS, TYPES, list_changeable

_WORDS = st.sampled_from(["first", "second", "third"])
_EXAMPLES = 4  # hypothesis begins with its simplest example, which is the sample itself
_DEEPEST = 3


def generate_type_sequences(count: int, seed_: int) -> list[Edits]:
    """Sequences of so many types in an order that the seed decides; after the last type, the first comes again."""
    order = sorted(KINDS)
    random.Random(seed_).shuffle(order)
    return [_generate(order[number % len(order)], seed_ + number // len(order)) for number in range(count)]


@cache
def _generate(type_: str, seed_: int) -> Edits:
    found: list[Edits] = []

    @seed(seed_)
    @settings(
        backend="steady",
        max_examples=_EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_sequences(type_))
    def collect(sequence: Edits) -> None:
        found.append(sequence)

    collect()
    return found[-1]


@st.composite
def _sequences(draw: st.DrawFn, type_: str) -> Edits:
    """The sample perhaps with other values, then with others again."""
    first = ResourceSpec(id="a", kind=type_, logical_name="a", values=draw(_values(type_, fewest=0)))
    second = ResourceSpec(id="a", kind=type_, logical_name="a", label=1, values=draw(_values(type_, fewest=1)))
    return Step((first,)), Step((second,))


@st.composite
def _values(draw: st.DrawFn, type_: str, *, fewest: int) -> tuple[tuple[str, str], ...]:
    known = sorted(list_changeable(type_))
    names = draw(st.sets(st.sampled_from(known), min_size=fewest, max_size=2)) if known else ()
    drawn = {name: draw(_value(TYPES[type_].properties[name])) for name in sorted(names)}
    return tuple((name, json.dumps(value, sort_keys=True)) for name, value in drawn.items())


def _value(known: Property, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that the limits allow, as far as their form is known."""
    return _form(known, depth).filter(lambda value: not any(limit.violation(value) for limit in known.limits))


def _form(known: Property, depth: int) -> st.SearchStrategy[Any]:
    options = [limit.options for limit in known.limits if isinstance(limit, OneOf)]
    if options:
        return st.sampled_from(options[0])
    if known.items:
        return _collections(known, known.items, depth)
    match known.kind:
        case ValueKind.FLAG:
            return st.booleans()
        case ValueKind.INTEGER | ValueKind.NUMBER:
            return _numbers(known)
        case ValueKind.BLOCK:
            return _blocks(known.fields, depth)
        case ValueKind.JSON:
            return _WORDS.map(lambda word: json.dumps({"Version": "2012-10-17", "Statement": [], "Id": word}))
        case _:
            return _texts(known)


def _collections(known: Property, items: Property, depth: int) -> st.SearchStrategy[Any]:
    smallest, largest = _bounds(known, Count, 2)
    if known.kind is ValueKind.MAP:
        return st.dictionaries(_WORDS, _value(items, depth + 1), max_size=2)
    return st.lists(_value(items, depth + 1), min_size=smallest, max_size=largest, unique_by=repr)


def _numbers(known: Property) -> st.SearchStrategy[Any]:
    for limit in known.limits:
        if isinstance(limit, Multiple):
            return st.sampled_from([*limit.also_allowed, *(limit.step * factor for factor in range(1, 9))])
    smallest, largest = _bounds(known, Range, 5)
    return st.sampled_from(sorted({smallest, smallest + 1, largest}))


def _texts(known: Property) -> st.SearchStrategy[Any]:
    patterns = [limit.expression for limit in known.limits if isinstance(limit, Pattern)]
    if patterns:
        return st.from_regex(patterns[0], alphabet=st.characters(codec="ascii", exclude_categories=["C"]))
    smallest, _ = _bounds(known, Length, 40)
    return _WORDS.map(lambda word: word.ljust(smallest, "x"))


@st.composite
def _blocks(draw: st.DrawFn, fields: Mapping[str, Property], depth: int) -> dict[str, Any]:
    """The required fields and one or two more; types contain themselves, so it ends at some depth."""
    names = {name for name, it in fields.items() if it.required}
    others = sorted(fields.keys() - names)
    if others and depth < _DEEPEST:
        names |= draw(st.sets(st.sampled_from(others), max_size=2))
    return {name: draw(_value(fields[name], depth + 1)) for name in sorted(names)}


def _bounds(known: Property, kind: type[Any], default: int) -> tuple[int, int]:
    """Return the smallest size and a largest one that is not far from it."""
    limit = next((it for it in known.limits if isinstance(it, kind)), None)
    smallest = int(getattr(limit, "minimum", None) or 0)
    largest = getattr(limit, "maximum", None)
    return smallest, int(smallest + default if largest is None else min(largest, smallest + default))
