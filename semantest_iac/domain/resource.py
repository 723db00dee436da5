"""Neutral resources of a blueprint, and deployed resources as an engine reports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NewType

Ref = NewType("Ref", str)
"""The name of another resource of the same blueprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A part of a stack, described without naming a cloud."""

    name: str

    def needs(self) -> tuple[str, ...]:
        """The names of the resources that must exist first: every field declared as a Ref."""
        return tuple(
            need for field in fields(self) if "Ref" in str(field.type) for need in _refs_in(getattr(self, field.name))
        )


def _refs_in(held: str | Iterable[str] | Mapping[str, str] | None) -> tuple[str, ...]:
    """What a field declared with Ref holds: one, several, several by name, or none."""
    if isinstance(held, str):
        return (held,)
    return tuple(held.values() if isinstance(held, Mapping) else held or ())


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """One living resource; secret values are in the clear, so it is for use and not for showing.

    `inputs` are what was asked for: clouds do not tell everything again. `code` is the digest of the package that was
    published to it, on clouds that take code beside the resource.
    """

    type: str
    name: str
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    urn: str = ""

    def __repr__(self) -> str:
        return f"DeployedResource({self.type!r}, {self.name!r})"
