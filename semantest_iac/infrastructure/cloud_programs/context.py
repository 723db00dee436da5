"""What a cloud's functions are given besides the resource itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments import physical_names
from semantest_iac.domain.ports.provisioner import Deferred

Outputs = Mapping[str, Any]
"""What later resources may use of an earlier one: attribute name to Pulumi input, or to resources."""


@dataclass(frozen=True, slots=True)
class ProgramContext:
    """One run of a program: the stack, its artifact, its secrets, and what has been made so far.

    Where something is `held` back, another run follows once code has been published.
    """

    stack: Stack
    generation: int
    artifact: Artifact | None
    secret_value: Callable[[str], str]
    parent: pulumi.Resource | None = None
    made: dict[str, Outputs] = field(default_factory=dict)
    held: Deferred = Deferred.NOTHING

    def under(self, parent: pulumi.Resource) -> ProgramContext:
        """The same run, with `parent` above everything made next."""
        return replace(self, parent=parent)

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """Pulumi options with the parent filled in."""
        return pulumi.ResourceOptions(parent=self.parent, **options)

    def physical_name(self, purpose: str = "", *, limit: int) -> str:
        """The name in the cloud: the same for every try of a generation, never that of another."""
        return physical_names.physical_name(str(self.stack), self.generation, purpose, limit=limit)

    @property
    def tags(self) -> dict[str, str]:
        """What every resource that can carry tags carries."""
        return physical_names.stack_tags(str(self.stack), self.generation)
