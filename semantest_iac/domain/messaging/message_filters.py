"""Which messages of a topic a subscription takes, by their attributes; every cloud has a notation of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.errors import Fault

AttributeValue = str | int | float

ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Lower case, because one cloud tells names apart by their case and another does not."""

MOST_ATTRIBUTES = 5  # in a filter, on the narrowest cloud
MOST_VALUES = 30  # of one attribute; five such filters stay below the narrowest cloud's size
MOST_COMBINATIONS = 150  # on the narrowest cloud: the numbers of values multiplied
LONGEST_ATTRIBUTE = 128
LARGEST_NUMBER = 1_000_000_000  # on the narrowest cloud, with five digits after the point


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """What one attribute must be; exactly one of the kinds of condition is given.

    It equals one of `any_of`, or none of `none_of`, or begins with the `prefix`, or is a number from `minimum` to
    `maximum`. Without these, it `exists` or not. Only a condition that says so holds for a message without it.
    """

    any_of: tuple[AttributeValue, ...] = ()
    none_of: tuple[AttributeValue, ...] = ()
    prefix: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exists: bool = True

    @property
    def is_range(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    def accepts(self, value: AttributeValue | None) -> bool:
        """Whether the value of a message, None for one without the attribute, meets the condition."""
        if value is None:
            return self == MUST_BE_ABSENT
        if self.any_of:
            return value in self.any_of
        if self.none_of:
            return value not in self.none_of
        if self.prefix:
            return isinstance(value, str) and value.startswith(self.prefix)
        if self.is_range:
            low, high = self.minimum, self.maximum
            return not isinstance(value, str) and (low is None or value >= low) and (high is None or value <= high)
        return self.exists


MUST_EXIST, MUST_BE_ABSENT = AttributeCondition(), AttributeCondition(exists=False)


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """The conditions of a subscription by attribute, of which all must hold; without any, it takes every message."""

    conditions: Mapping[str, AttributeCondition] = field(default_factory=dict)

    def accepts(self, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether a message with these attributes is taken."""
        return all(condition.accepts(attributes.get(name)) for name, condition in self.conditions.items())


ALL_MESSAGES = MessageFilter()

FILTER_HINT = "Write a value, a list of values, or one of prefix, not, exists, or min and max."
_KEYS = ({"prefix"}, {"not"}, {"exists"}, {"min"}, {"max"}, {"min", "max"})


def parse_filter(written: Mapping[str, Any]) -> MessageFilter:
    """Read a filter as a configuration writes it; what `find_filter_faults` refuses has no meaning here."""
    return MessageFilter({name: _parse_condition(value) for name, value in written.items()})


def _parse_condition(value: Any) -> AttributeCondition:
    if not isinstance(value, Mapping):
        return AttributeCondition(any_of=_as_values(value))
    if "not" in value:
        return AttributeCondition(none_of=_as_values(value["not"]))
    if "exists" in value:
        return MUST_EXIST if value["exists"] else MUST_BE_ABSENT
    return AttributeCondition(prefix=value.get("prefix", ""), minimum=value.get("min"), maximum=value.get("max"))


def _as_values(value: Any) -> tuple[AttributeValue, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def find_filter_faults(written: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """Yield everything that is wrong with a written filter, each with its path."""
    if len(written) > MOST_ATTRIBUTES:
        yield Fault(path, f"has {len(written)} attributes; a filter has {MOST_ATTRIBUTES} at most")
    for name, value in written.items():
        at = f"{path}.{name if ATTRIBUTE_NAME.fullmatch(name) else ascii(name)[1:-1][:64]}"
        if not ATTRIBUTE_NAME.fullmatch(name):
            yield Fault(at, "is not the name of an attribute", "Lower-case letters, digits and _, such as order_type.")
        yield from (Fault(at, reason, FILTER_HINT) for reason in _find_condition_faults(value))
    combinations = 1
    for value in written.values():
        combinations *= max(1, len(_as_values(value.get("not", "") if isinstance(value, Mapping) else value)))
    if combinations > MOST_COMBINATIONS:
        yield Fault(path, f"has {combinations} combinations of values; a filter has {MOST_COMBINATIONS} at most")


def _find_condition_faults(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield from _find_value_faults(_as_values(value))
    elif set(value) not in _KEYS:
        yield f"has {', '.join(sorted(map(str, value))) or 'nothing'}, which is no condition"
    elif "not" in value:
        yield from _find_value_faults(_as_values(value["not"]))
    elif "exists" in value:
        if not isinstance(value["exists"], bool):
            yield "exists is true or false"
    elif "prefix" in value:
        if not isinstance(value["prefix"], str) or not 0 < len(value["prefix"]) <= LONGEST_ATTRIBUTE:
            yield f"prefix is a text of 1 to {LONGEST_ATTRIBUTE} characters"
    else:
        yield from _find_range_faults(value)


def _find_value_faults(values: Sequence[Any]) -> Iterator[str]:
    if not 0 < len(values) <= MOST_VALUES:
        yield f"has {len(values)} values; a condition has 1 to {MOST_VALUES}"
    for value in values:
        if isinstance(value, str):
            if len(value) > LONGEST_ATTRIBUTE:
                yield f"a value has {len(value)} characters, {LONGEST_ATTRIBUTE} at most"
        elif not _is_number(value):
            yield "a value is a text or a number up to a thousand million"


def _find_range_faults(value: Mapping[str, Any]) -> Iterator[str]:
    if not all(map(_is_number, value.values())):
        yield "min and max are numbers up to a thousand million"
    elif "min" in value and "max" in value and value["min"] > value["max"]:
        yield "min is above max"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER
