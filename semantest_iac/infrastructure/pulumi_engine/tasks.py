"""What the parent asks of a child: one operation on one stack, with everything that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.pulumi_engine.cli_location import Cli
from semantest_iac.infrastructure.pulumi_engine.site import Site

Operation = Literal["preview", "apply", "preview_removal", "remove", "detect_drift", "export", "reveal"]
Mutations = frozenset[tuple[str, str]]
"""URN and operation of everything that would change, without order: the engine's own order varies."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What apply must do and nothing else: the changes that were shown, and what they were computed from.

    Where it `is_part`, some of them are left to another run.
    """

    mutations: Mutations
    fingerprint: str = ""
    is_part: bool = False

    def unlike(self, found: Mutations) -> Mutations:
        """What was not shown of that which would be done, and the other way round."""
        return found - self.mutations if self.is_part else found ^ self.mutations


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of creates that were cut off: those with an id are adopted, the others are forgotten."""

    adopted: Mapping[str, str] = field(default_factory=dict)  # URN -> id


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted; without work no program runs."""

    operation: Operation
    stack: Stack
    work: Work | None = None
    shown: Shown | None = None
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """An order and the means to carry it out; `providers` live in the parent and stand in for those of the clouds.

    Handed over through a pipe, never by argv, environment or file: it holds the secrets' values.
    """

    order: Order
    site: Site
    cli: Cli
    home: Path
    folder: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    providers: str = ""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return str(self.order.stack)
