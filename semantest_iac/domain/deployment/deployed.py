"""What an engine knows of a resource that it has deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
