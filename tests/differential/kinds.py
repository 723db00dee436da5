"""What a kind of resource receives to create one, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from tests.differential.specs import ResourceSpec


@dataclass(frozen=True)
class ResourceContext:
    """The names of a resource, the resource that it uses, its options and its spec.

    `own_name` is no other resource's and stays, whatever the program calls the resource.
    """

    name: str
    own_name: str
    physical: str | None
    used: Any
    options: pulumi.ResourceOptions
    spec: ResourceSpec
    packages: Path

    @property
    def label(self) -> Any:
        """A text that is updated in place."""
        return self.as_text(f"v{self.spec.label}")

    def as_text(self, text: str) -> Any:
        """The text, as a secret if the spec is secret."""
        return pulumi.Output.secret(text) if self.spec.secret else text

    @property
    def invoke_options(self) -> pulumi.InvokeOptions:
        """The options of a data source, which is answered by the resource's provider."""
        return pulumi.InvokeOptions(parent=self.options.parent, provider=self.options.provider)


@dataclass(frozen=True)
class Kind:
    """How resources of a kind are created, which kind they use (empty: none), and which outputs and inputs they have.

    A `local` resource exists only in the state, and a `named` one has a name that its cloud's faults can select. A
    `token` is needed to write a whole URN.
    """

    make: Callable[[ResourceContext], Any]
    uses: str = ""
    outputs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    urn_type: str = ""
    local: bool = False
    named: bool = False
