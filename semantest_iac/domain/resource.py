"""What every neutral resource has: a name within its blueprint, and the names that it needs."""

from __future__ import annotations

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


def _refs(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        return tuple(value.values())
    return tuple(value)  # type: ignore[arg-type]  # a field declared with Ref holds one, a tuple or a mapping
