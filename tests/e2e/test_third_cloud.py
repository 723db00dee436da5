"""A cloud of another distribution, from the first deployment to the last, by the command."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import Desk
from tests.pulumi_cli import needed

_ROOT = Path(__file__).parents[2]
_STACK = ("--component", "rest-api", "--provider", "meadow")
_ENGINES = {"sandbox": (), "pulumi": ("--engine", "pulumi", "--cloud", "sandbox")}


@pytest.fixture
def desk(third_cloud: Path, tmp_path: Path) -> Desk:
    """A desk on whose machine the distribution is installed."""
    path = os.pathsep.join(map(str, (_ROOT, _ROOT / "events", third_cloud)))
    return Desk(tmp_path, {"PYTHONPATH": path})


@pytest.fixture(params=_ENGINES)
def engine(request: pytest.FixtureRequest) -> Sequence[str]:
    """The options of an engine; without its CLI the test is skipped."""
    if request.param == "pulumi":
        needed()
    return _ENGINES[request.param]


class TestLife:
    def test_is_that_of_any_other_cloud(self, desk: Desk, engine: Sequence[str]) -> None:
        made = desk.run("deploy", *_STACK, *engine, "--json").json
        again = desk.run("deploy", *_STACK, *engine, "--json").json
        called = desk.run("invoke", "rest-api", "GET", "/health", "--provider", "meadow", "--json").json
        gone = desk.run("destroy", *_STACK, "--yes", "--json").json

        assert (made["stack"], made["state"]) == ("rest-api.meadow.development.north", "completed")
        assert made["endpoint"].endswith(".north.meadow.example")
        assert (again["changes"]["same"], again["state"]) == (made["changes"]["create"], "completed")
        assert (called["status"], gone["changes"]["delete"]) == (200, made["changes"]["create"])


class TestWords:
    def test_are_known_wherever_they_are_asked_for(self, desk: Desk) -> None:
        answer = desk.run("status", "--provider", "meadow", "--region", "south", "--json")

        assert (answer.code, answer.json) == (0, [])

    def test_are_judged_by_what_the_cloud_says_of_itself(self, desk: Desk) -> None:
        refused = desk.run("deploy", *_STACK, "--region", "moon", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (fault["message"], fault["hint"]) == ("'moon' is not a region of meadow", "Use 'north'.")

    def test_are_checked_by_the_rules_of_the_cloud(self, desk: Desk) -> None:
        refused = desk.run("config", "validate", *_STACK, "--set", "components.rest-api.memory=4096", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (fault["path"], fault["message"]) == (
            "components.rest-api.memory",
            "Meadow has 2048 MB at most, not 4096",
        )

    def test_may_stand_beside_those_of_ours(self, desk: Desk) -> None:
        regions = ("--region", "south", "--region", "us-west-2")

        ended = desk.run("deploy", *_STACK, "--provider", "aws", *regions, "--json")

        stacks = [
            line["stack"] for line in map(json.loads, ended.out.splitlines()) if "changes" in line and "state" in line
        ]
        assert sorted(stacks) == ["rest-api.aws.development.us-west-2", "rest-api.meadow.development.south"]


class TestCapabilities:
    def test_are_a_column_of_parity(self, desk: Desk) -> None:
        rows = desk.run("parity", "--json").json

        [warm] = [row["clouds"]["meadow"] for row in rows if row["feature"] == "warm instances"]
        assert warm == {"supported": False, "note": "its functions sleep between calls"}

    def test_are_asked_before_anything_is_written(self, desk: Desk) -> None:
        refused = desk.run("deploy", *_STACK, "--set", "components.rest-api.instances.min=1", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (refused.code, fault["path"]) == (2, "components.rest-api.instances.min")
        assert fault["hint"] == "Available on aws, azure."
        assert not desk.home.exists()
