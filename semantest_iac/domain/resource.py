"""Neutral resources of a blueprint, and deployed resources as an engine reports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NewType

Ref = NewType("Ref", str)
"""The name of another resource of the same blueprint."""


def address_variable(prefix: str, name: str) -> str:
    """Return the variable with which a function finds something by its name, in which hyphens become underscores."""
    return prefix + name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A part of a stack, independent of any cloud."""

    name: str

    def needs(self) -> tuple[str, ...]:
        """Return the names of the resources that must exist first: the values of every field declared as a Ref."""
        return tuple(
            need
            for field in fields(self)
            if "Ref" in str(field.type)
            for need in _flatten_refs(getattr(self, field.name))
        )


def _flatten_refs(value: str | Iterable[str] | Mapping[str, str] | None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(value.values() if isinstance(value, Mapping) else value or ())


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """A resource as it exists in a cloud; outputs hold secret values in the clear.

    `inputs` are those of the deployment, because clouds do not return all of them. `code` is the digest of the
    published package, on clouds that take code separately. `versions` are the outputs of earlier published versions, on
    clouds that keep them.
    """

    type: str
    name: str
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    urn: str = ""
    id: str = ""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"DeployedResource({self.type!r}, {self.name!r})"
