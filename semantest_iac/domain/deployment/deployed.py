"""What an engine knows of a resource that it has deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """One living resource; secret outputs are in the clear, so it is for use and not for showing."""

    type: str
    name: str
    outputs: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"DeployedResource({self.type!r}, {self.name!r})"
