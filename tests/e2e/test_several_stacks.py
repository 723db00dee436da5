"""One command, a stack in each region: every one whole, and nothing of one in another."""

from __future__ import annotations

import json
from typing import Any

import pytest

_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-south-1")
_EACH = [word for region in _REGIONS for word in ("--region", region)]


@pytest.fixture(scope="module")
def told(shared_desk: Any) -> list[dict[str, Any]]:
    """The last lines."""
    outcome = shared_desk.run("deploy", "--component", "rest-api", *_EACH, "--json")
    assert outcome.code == 0
    return [json.loads(line) for line in outcome.out.splitlines()[-len(_REGIONS) :]]


class TestStacksInOneCommand:
    def test_are_all_deployed(self, told: list[dict[str, Any]]) -> None:
        assert [(line["stack"].rpartition(".")[2], line["state"]) for line in told] == [
            (region, "completed") for region in _REGIONS
        ]
        assert {line["changes"]["create"] for line in told} == {19}

    def test_hold_nothing_of_another_region(self, told: list[dict[str, Any]]) -> None:
        for line, region in zip(told, _REGIONS, strict=True):
            others = set(_REGIONS) - {region}
            assert region in line["outputs"]["function_arn"]
            assert not [other for other in others if other in json.dumps(line)]

    def test_answer_each_for_itself(self, told: list[dict[str, Any]], shared_desk: Any) -> None:
        called = [shared_desk.run("invoke", "rest-api", "GET", "/health", "--region", name) for name in _REGIONS[:2]]

        assert [outcome.code for outcome in called] == [0, 0]
        assert len({line["endpoint"] for line in told}) == len(_REGIONS)

    def test_are_known_as_what_was_asked_for_at_once(self, told: list[dict[str, Any]], shared_desk: Any) -> None:
        asked = [event for event in shared_desk.run("events", "--json").json if event["type"].endswith(".requested")]

        assert len({event["correlationid"] for event in asked}) == 1
        assert len({event["id"] for event in asked}) == len(_REGIONS)

    def test_are_destroyed_by_one_command(self, desk: Any) -> None:
        deployed = desk.run("deploy", "--component", "all", "--json")
        refused = desk.run("destroy", "--component", "all")
        destroyed = desk.run("destroy", "--component", "all", "--yes", "--json")
        again = desk.run("destroy", "--component", "all", "--yes")

        assert [outcome.code for outcome in (deployed, refused, destroyed, again)] == [0, 3, 0, 0]
        ended = [json.loads(line) for line in destroyed.out.splitlines()[-2:]]
        assert [(line["stack"].partition(".")[0], line["state"]) for line in ended] == [
            ("rest-api", "completed"),
            ("websocket", "completed"),
        ]
        assert again.out.count("Nothing is deployed as") == 2
