"""The values that properties hold: JSON-like data, and UNKNOWN for what is not known before an apply."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

ResourceProperties: TypeAlias = Mapping[str, Any]

DEFAULTS_KEY: Final = "__defaults"
"""Wire key under which Pulumi's bridge lists the inputs that it chose itself; never a property."""


class Unknown(Enum):
    """The type of UNKNOWN: one member, so that copies and pickles stay identical to it."""

    UNKNOWN = "unknown"


class Missing(Enum):
    """The type of MISSING, which tells an absent property from one that is null."""

    MISSING = "missing"


UNKNOWN: Final = Unknown.UNKNOWN
MISSING: Final = Missing.MISSING


class RequestFacts(dict[str, Any]):
    """What message and output templates may name; a name that nothing gave reads as empty text."""

    def __missing__(self, key: str) -> str:
        return ""


def contains_unknown(value: object) -> bool:
    """Whether UNKNOWN is the value or stands anywhere inside it."""
    if isinstance(value, Mapping):
        return any(map(contains_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(contains_unknown, value))
    return value is UNKNOWN


def is_given(value: object) -> bool:
    """Whether a value counts as written down: providers read null, empty text and empty collections as absent."""
    return value is not MISSING and value is not None and value not in ("", [], {}, ())


def values_at_path(properties: ResourceProperties, path: str) -> list[Any]:
    """The values at a dotted path, where `*` stands for every element; absent places give nothing."""
    found: list[Any] = [properties]
    for step in path.split("."):
        if step == "*":
            found = [element for value in found if isinstance(value, list | tuple) for element in value]
        else:
            found = [value[step] for value in found if isinstance(value, Mapping) and step in value]
    return [value for value in found if is_given(value)]
