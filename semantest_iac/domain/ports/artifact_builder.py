"""The port that turns source code into a package."""

from __future__ import annotations

from typing import Protocol

from semantest_iac.domain.compute.functions import Artifact, FunctionSource


class ArtifactBuilder(Protocol):
    """Packages function sources; the same source gives the same bytes."""

    def build(self, source: FunctionSource) -> Artifact:
        """Package the source without ever writing into its folder; blocks, and raises ArtifactError."""
        ...
