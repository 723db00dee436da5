"""A store that has every package, in no file."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.ports.artifact_store import StoredPackage
from tests.fakes.control_points import ControlPoints


class FakeArtifactStore:
    """Keeps the packages that the test lists; passes the points `put_package`, `fetch_package` and
    `list_packages`."""

    def __init__(self, points: ControlPoints) -> None:
        self.points = points
        self.packages: list[StoredPackage] = []

    def put(self, digest: str, file: Path) -> None:
        self.points.pass_by("put_package")

    def fetch(self, digest: str) -> Path:
        self.points.pass_by("fetch_package")
        return Path(f"{digest}.zip")

    def list_packages(self) -> list[StoredPackage]:
        self.points.pass_by("list_packages")
        return self.packages

    def delete(self, digest: str) -> None:
        self.packages = [package for package in self.packages if package.digest != digest]
