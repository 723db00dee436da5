"""Where a piece becomes a resource: what its kind is told, and what a kind tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from tests.differential.pieces import Piece


@dataclass(frozen=True)
class Site:
    """What a kind needs to make its resource: the logical and the physical name, and the resource that it uses."""

    name: str
    physical: str | None
    used: Any
    options: pulumi.ResourceOptions
    piece: Piece
    packages: Path

    @property
    def label(self) -> Any:
        """A text that changes in place."""
        return self.kept(f"v{self.piece.label}")

    def kept(self, text: str) -> Any:
        """The text, a secret one where the piece is secret."""
        return pulumi.Output.secret(text) if self.piece.secret else text

    @property
    def asking(self) -> pulumi.InvokeOptions:
        """The options of a question to the cloud: it is put to the provider of the resource."""
        return pulumi.InvokeOptions(parent=self.options.parent, provider=self.options.provider)


@dataclass(frozen=True)
class Kind:
    """How pieces of a kind are made, which kind they use (empty: none), and which outputs and inputs they have.

    `local` ones are in the state only, and `named` ones are known to their cloud by what they are called. A `token` is
    for writing a whole URN.
    """

    make: Callable[[Site], Any]
    uses: str = ""
    outputs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    token: str = ""
    local: bool = False
    named: bool = False
