"""What every neutral resource has: a name within its blueprint, and the names that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import NewType

Ref = NewType("Ref", str)
"""The name of another resource of the same blueprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A part of a stack, described without naming a cloud."""

    name: str

    def needs(self) -> tuple[str, ...]:
        """The names of the resources that must exist first: every field declared as a Ref."""
        return tuple(
            need for field in fields(self) if "Ref" in str(field.type) for need in _refs(getattr(self, field.name))
        )


def _refs(held: str | Iterable[str] | Mapping[str, str] | None) -> tuple[str, ...]:
    """What a field declared with Ref holds: one, several, several by name, or none."""
    if isinstance(held, str):
        return (held,)
    return tuple(held.values() if isinstance(held, Mapping) else held or ())
