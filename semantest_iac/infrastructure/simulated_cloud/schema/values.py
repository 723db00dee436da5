"""The values that properties hold: JSON-like data, and UNKNOWN for what is not known before an apply."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

ResourceProperties: TypeAlias = Mapping[str, Any]

DEFAULTS_KEY: Final = "__defaults"
"""The key under which Pulumi's Terraform bridge lists the inputs that it chose itself; never a property."""


class Unknown(Enum):
    """The type of UNKNOWN; an enum member stays identical through copies and pickles."""

    UNKNOWN = "unknown"


class Missing(Enum):
    """The type of MISSING, which tells an absent property from one that is null."""

    MISSING = "missing"


UNKNOWN: Final = Unknown.UNKNOWN
MISSING: Final = Missing.MISSING


class RequestFacts(dict[str, Any]):
    """The names that templates of messages and outputs may use; a missing one reads as empty text."""

    def __missing__(self, key: str) -> str:
        return ""


class ValueSeal(Protocol):
    """Encrypts the values of secrets for the inventory, with a key that is not in it."""

    def encrypt(self, value: Any) -> str: ...

    def decrypt(self, ciphertext: str) -> Any: ...


def is_given_value(value: object) -> bool:
    """Return False for null, empty text and empty collections too: providers read them as absent."""
    return value is not MISSING and value is not None and value not in ("", [], {}, ())


def values_at_path(properties: ResourceProperties, path: str) -> list[Any]:
    """Return the given values at a dotted path, where `*` stands for every element of a list."""
    found: list[Any] = [properties]
    for step in path.split("."):
        if step == "*":
            found = [element for value in found if isinstance(value, list | tuple) for element in value]
        else:
            found = [value[step] for value in found if isinstance(value, Mapping) and step in value]
    return [value for value in found if is_given_value(value)]
