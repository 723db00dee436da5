"""A cloud from another distribution."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import Workspace
from tests.pulumi_cli import require_pulumi_cli

_ROOT = Path(__file__).parents[2]
_STACK = ("--component", "rest-api", "--provider", "meadow")
_ENGINES = {"sandbox": (), "pulumi": ("--engine", "pulumi", "--cloud", "sandbox")}


@pytest.fixture
def workspace(third_cloud: Path, tmp_path: Path) -> Workspace:
    """A workspace where the distribution is installed."""
    path = os.pathsep.join(map(str, (_ROOT, _ROOT / "events", third_cloud)))
    return Workspace(tmp_path, {"PYTHONPATH": path})


@pytest.fixture(params=_ENGINES)
def engine(request: pytest.FixtureRequest) -> Sequence[str]:
    """The options of an engine; skips Pulumi if its CLI is missing."""
    if request.param == "pulumi":
        require_pulumi_cli()
    return _ENGINES[request.param]


class TestLifecycle:
    def test_is_that_of_the_built_in_clouds(self, workspace: Workspace, engine: Sequence[str]) -> None:
        made = workspace.run("deploy", *_STACK, *engine, "--json").json
        again = workspace.run("deploy", *_STACK, *engine, "--json").json
        called = workspace.run("invoke", "rest-api", "GET", "/health", "--provider", "meadow", "--json").json
        gone = workspace.run("destroy", *_STACK, "--yes", "--json").json

        assert (made["stack"], made["state"]) == ("rest-api.meadow.development.north", "completed")
        assert made["endpoint"].endswith(".north.meadow.example")
        assert (again["changes"]["same"], again["state"]) == (made["changes"]["create"], "completed")
        assert (called["status"], gone["changes"]["delete"]) == (200, made["changes"]["create"])


class TestNames:
    def test_are_known_to_filters(self, workspace: Workspace) -> None:
        answer = workspace.run("status", "--provider", "meadow", "--region", "south", "--json")

        assert (answer.code, answer.json) == (0, [])

    def test_are_validated_by_the_cloud_s_own_rules(self, workspace: Workspace) -> None:
        refused = workspace.run("deploy", *_STACK, "--region", "moon", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (fault["message"], fault["hint"]) == ("'moon' is not a region of meadow", "Use 'north'.")

    def test_are_checked_by_the_rules_of_the_cloud(self, workspace: Workspace) -> None:
        refused = workspace.run("config", "validate", *_STACK, "--set", "components.rest-api.memory=4096", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (fault["path"], fault["message"]) == (
            "components.rest-api.memory",
            "Meadow has 2048 MB at most, not 4096",
        )

    def test_can_be_combined_with_built_in_clouds(self, workspace: Workspace) -> None:
        regions = ("--region", "south", "--region", "us-west-2")

        ended = workspace.run("deploy", *_STACK, "--provider", "aws", *regions, "--json")

        stacks = [
            line["stack"] for line in map(json.loads, ended.out.splitlines()) if "changes" in line and "state" in line
        ]
        assert sorted(stacks) == ["rest-api.aws.development.us-west-2", "rest-api.meadow.development.south"]


class TestCapabilities:
    def test_are_a_column_of_parity(self, workspace: Workspace) -> None:
        rows = workspace.run("parity", "--json").json

        [warm] = [row["clouds"]["meadow"] for row in rows if row["feature"] == "warm instances"]
        assert warm == {"supported": False, "note": "its functions sleep between calls"}

    def test_are_validated_before_anything_is_written(self, workspace: Workspace) -> None:
        refused = workspace.run("deploy", *_STACK, "--set", "components.rest-api.instances.min=1", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (refused.code, fault["path"]) == (2, "components.rest-api.instances.min")
        assert fault["hint"] == "Available on aws, azure."
        assert not workspace.home.exists()
