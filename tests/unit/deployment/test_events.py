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


class TestPackageBuilt:
    def test_returns_the_package_with_its_companions(self) -> None:
        guard = Artifact("d2", Path("/b.zip"), "c.d", "python3.13", 8)
        artifact = Artifact("d1", Path("/a.zip"), "a.b", "nodejs24.x", 9, {"A": "b"}, companions={"guard": guard})

        companions = {"guard": PackageRecord.from_artifact(guard)}
        assert PackageBuilt.from_artifact(artifact, **_WHERE, companions=companions).artifact == artifact

    def test_reads_records_without_companions(self) -> None:
        artifact = Artifact("d1", Path("/a.zip"), "a.b", "python3.13", 9, {"A": "b"})

        assert PackageBuilt.model_validate(_OLD).artifact == artifact
