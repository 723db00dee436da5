from __future__ import annotations

from pathlib import Path
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.events import PackageBuilt, PackageRecord

_WHERE = {
    "component": "rest-api", "provider": "aws", "environment": "qa", "region": "us-east-1", "deployment_id": "first",
}  # fmt: skip
_OLD: dict[str, Any] = {
    **_WHERE, "digest": "d1", "path": "/a.zip", "handler": "a.b", "runtime": "python3.13", "size": 9,
    "variables": {"A": "b"}, "notes": ["a note"],
}  # fmt: skip


def _find_file(digest: str) -> Path:
    return Path(f"/{digest}.zip")


class TestPackageBuilt:
    def test_returns_the_package_with_its_companions(self) -> None:
        guard = Artifact("d2", Path("/d2.zip"), "c.d", "python3.13", 8)
        artifact = Artifact("d1", Path("/d1.zip"), "a.b", "nodejs24.x", 9, {"A": "b"}, companions={"guard": guard})

        companions = {"guard": PackageRecord.from_artifact(guard)}
        built = PackageBuilt.from_artifact(artifact, **_WHERE, companions=companions)

        assert built.to_artifact(_find_file) == artifact
        assert built.digests == ("d1", "d2")

    def test_records_no_path_of_a_machine(self) -> None:
        artifact = Artifact("d1", Path("/elsewhere/d1.zip"), "a.b", "nodejs24.x", 9)

        built = PackageBuilt.from_artifact(
            artifact, **_WHERE, companions={"guard": PackageRecord.from_artifact(artifact)}
        )

        assert "elsewhere" not in built.model_dump_json()

    def test_reads_records_with_a_path_and_without_companions(self) -> None:
        artifact = Artifact("d1", Path("/d1.zip"), "a.b", "python3.13", 9, {"A": "b"})

        assert PackageBuilt.model_validate(_OLD).to_artifact(_find_file) == artifact
