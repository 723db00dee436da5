"""A builder that packages nothing."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.ports.artifact_builder import FunctionSource, PackagingRun
from tests.fakes.control_points import ControlPoints


class FakeArtifactBuilder:
    """Builds a package with the digest that the test has set; passes the point `build`."""

    def __init__(self, points: ControlPoints) -> None:
        self.points = points
        self.digest = "d1"
        self.built: list[FunctionSource] = []
        self.faults: tuple[Fault, ...] = ()
        self.notes: tuple[str, ...] = ()

    def build(self, source: FunctionSource, run: PackagingRun | None = None) -> Artifact:
        self.points.pass_by("build")
        self.built.append(source)
        return Artifact(self.digest, Path(f"{self.digest}.zip"), "app.handler", source.runtime, 10, {"SHIM": "on"})

    def find_packaging_faults(self, source: FunctionSource) -> tuple[Fault, ...]:
        return self.faults

    def find_packaging_notes(self, source: FunctionSource) -> tuple[str, ...]:
        return self.notes

    def find_base_path(self, artifact: Artifact, provider: str) -> str:
        return ""
