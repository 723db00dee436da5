"""What is remembered of the versions of a simulated stack while two of them share the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.local_traffic import LocalTraffic, RememberedVersions
from semantest_iac.infrastructure.local_service.traffic_counts import TrafficCounts

REST = Stack("rest-api", "aws", "development", "us-east-1")
SEALED = "sealed:1234"


def function(version: str, colour: str, versions: Mapping[str, Any]) -> DeployedResource:
    outputs = {"version": version, "environment": {"variables": {"COLOUR": colour}}, "code": {"path": "a.zip"}}
    return DeployedResource("aws:lambda/function:Function", "function", outputs, id="api", versions=versions)


@pytest.fixture
def versions(tmp_path: Path) -> RememberedVersions:
    return RememberedVersions(tmp_path / "traffic")


class TestRememberedVersions:
    def test_give_back_the_variables_of_the_version_before(self, versions: RememberedVersions) -> None:
        versions.remember("a", [function("1", "red", {"1": {"version": "1"}})])

        published = {"1": {"version": "1", "environment": SEALED}, "2": {"version": "2"}}
        [completed] = versions.complete("a", [function("2", "blue", published)])

        assert completed.versions["1"] == {"version": "1", "environment": {"variables": {"COLOUR": "red"}}}
        assert completed.versions["2"] == {"version": "2"}

    def test_forget_what_is_not_published_any_more(self, versions: RememberedVersions) -> None:
        versions.remember("a", [function("1", "red", {"1": {}})])
        versions.remember("a", [function("2", "blue", {"2": {}})])

        [completed] = versions.complete("a", [function("2", "blue", {"2": {}})])

        assert set(completed.versions) == {"2"}

    def test_are_those_of_their_stack(self, versions: RememberedVersions) -> None:
        versions.remember("a", [function("1", "red", {"1": {}})])

        [completed] = versions.complete("b", [function("1", "red", {"1": {}})])

        assert completed.versions == {"1": {}}

    def test_leave_out_what_has_no_versions(self, versions: RememberedVersions) -> None:
        topic = DeployedResource("aws:sns/topic:Topic", "alerts", {}, id="alerts")
        versions.remember("a", [topic])

        assert versions.complete("a", [topic]) == [topic]

    def test_nothing_is_known_of_a_damaged_file(self, versions: RememberedVersions, tmp_path: Path) -> None:
        (tmp_path / "traffic").mkdir()
        (tmp_path / "traffic" / "a.json").write_text("[")

        assert versions.complete("a", [function("1", "red", {"1": {}})])[0].versions == {"1": {}}

    def test_are_private(self, versions: RememberedVersions, tmp_path: Path) -> None:
        versions.remember("a", [function("1", "red", {"1": {}})])

        assert (tmp_path / "traffic" / "a.json").stat().st_mode & 0o077 == 0


class TestLocalTraffic:
    async def test_remembers_what_is_live_before_another_version_is_deployed(
        self, versions: RememberedVersions, tmp_path: Path
    ) -> None:
        async def find(stack: Stack) -> list[DeployedResource]:
            return [function("1", "red", {"1": {}})]

        await LocalTraffic(find, TrafficCounts(tmp_path / "traffic"), versions).prepare(REST)

        [completed] = versions.complete(str(REST), [function("2", "blue", {"1": {}, "2": {}})])
        assert completed.versions["1"]["environment"] == {"variables": {"COLOUR": "red"}}
