"""What a cloud must bring to take part: a table from resource kinds to functions, and its provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.blueprints.features import Wanted
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.cloud_programs.code import CodePush
from semantest_iac.infrastructure.cloud_programs.context import Context, Made
from semantest_iac.infrastructure.clouds.registry import CLOUDS

Kinds = Mapping[type[Resource], Callable[[Any, Context], Made]]

GROUND = "ground"
"""The name under which the functions of kinds find what their cloud's ground has made."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a cloud makes once for the whole stack, before anything that the blueprint names."""

    make: Callable[[Blueprint, Context], Made]
    modules: tuple[str, ...]  # of the SDK


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud, as the `program` of its entry."""

    name: str
    kinds: Kinds
    provider: Callable[[Context], pulumi.ProviderResource]
    modules: Mapping[type[Resource], tuple[str, ...]] = field(default_factory=dict)  # of the SDK, that make a kind
    stateful: frozenset[str] = frozenset()  # the resource types whose loss is a loss of data
    ground: Ground | None = None
    code: CodePush | None = None  # where the program does not carry it
    lacks: Mapping[Wanted, str] = field(default_factory=dict)  # kinds and features, each with the reason
    bends: Mapping[Wanted, str] = field(default_factory=dict)  # those that it has in a form of its own, and in which

    @property
    def capabilities(self) -> Capabilities:
        """What it has of what blueprints ask for."""
        return Capabilities(self.name, frozenset(self.kinds), self.lacks, self.bends)

    transformation: pulumi.ResourceTransformation | None = None  # of everything that the program makes


def cloud(name: str) -> Cloud:
    """The cloud of that name; raises ValidationError with those there are."""
    if name not in CLOUDS:
        fault = Fault("provider", f"'{name}' has no programs", f"Available: {', '.join(CLOUDS)}.")
        raise ValidationError(f"Cannot deploy to '{name}'.", faults=[fault])
    entry = CLOUDS[name]
    found: Cloud = entry.part(entry.program)
    return found
