"""One command that deploys a stack in each region."""

from __future__ import annotations

import json
from typing import Any

import pytest

_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-south-1")
_EACH = [word for region in _REGIONS for word in ("--region", region)]


@pytest.fixture(scope="module")
def results(shared_workspace: Any) -> list[dict[str, Any]]:
    """The result lines."""
    outcome = shared_workspace.run("deploy", "--component", "rest-api", *_EACH, "--json")
    assert outcome.code == 0
    return [json.loads(line) for line in outcome.out.splitlines()[-len(_REGIONS) :]]


class TestStacksInOneCommand:
    def test_are_all_deployed(self, results: list[dict[str, Any]]) -> None:
        assert [(line["stack"].rpartition(".")[2], line["state"]) for line in results] == [
            (region, "completed") for region in _REGIONS
        ]
        assert {line["changes"]["create"] for line in results} == {19}

    def test_name_no_other_region(self, results: list[dict[str, Any]]) -> None:
        for line, region in zip(results, _REGIONS, strict=True):
            others = set(_REGIONS) - {region}
            assert region in line["outputs"]["function_arn"]
            assert not [other for other in others if other in json.dumps(line)]

    def test_answer_at_their_own_endpoints(self, results: list[dict[str, Any]], shared_workspace: Any) -> None:
        called = [
            shared_workspace.run("invoke", "rest-api", "GET", "/health", "--region", name) for name in _REGIONS[:2]
        ]

        assert [outcome.code for outcome in called] == [0, 0]
        assert len({line["endpoint"] for line in results}) == len(_REGIONS)

    def test_share_one_correlation_id(self, results: list[dict[str, Any]], shared_workspace: Any) -> None:
        events = shared_workspace.run("events", "--json").json
        requests = [event for event in events if event["type"].endswith(".requested")]

        assert len({event["correlationid"] for event in requests}) == 1
        assert len({event["id"] for event in requests}) == len(_REGIONS)

    def test_are_destroyed_by_one_command(self, workspace: Any) -> None:
        deployed = workspace.run("deploy", "--component", "all", "--json")
        refused = workspace.run("destroy", "--component", "all")
        destroyed = workspace.run("destroy", "--component", "all", "--yes", "--json")
        again = workspace.run("destroy", "--component", "all", "--yes")

        assert [outcome.code for outcome in (deployed, refused, destroyed, again)] == [0, 3, 0, 0]
        ended = [json.loads(line) for line in destroyed.out.splitlines()[-2:]]
        assert [(line["stack"].partition(".")[0], line["state"]) for line in ended] == [
            ("rest-api", "completed"),
            ("websocket", "completed"),
        ]
        assert again.out.count("Nothing is deployed as") == 2


class TestStacksOfWhichOneFails:
    def test_are_listed_with_the_command_that_tries_it_again(self, workspace: Any) -> None:
        fault = {"effect": "refuse", "type": "azure-native:web:WebApp", "operation": "create"}
        workspace.home.mkdir()
        (workspace.home / "faults.json").write_text(json.dumps([fault]))
        deploy = ("deploy", "rest-api", "--provider", "aws", "--provider", "azure")
        failed = workspace.run(*deploy)
        (workspace.home / "faults.json").unlink()
        lines = failed.out.splitlines()
        states = {row["stack"]: row["state"] for row in workspace.run("status", "--json").json}
        again = workspace.run(*lines[-1].split()[3:])

        aws, azure = "rest-api.aws.development.us-east-1", "rest-api.azure.development.eastus"
        assert (failed.code, again.code) == (1, 0)
        assert lines[-5:-1] == [
            "1 of 2 stacks are done; what became of the others changes nothing about these.",
            f"  completed    {aws}",
            f"  rolled back  {azure}",
            "Try the others again, with the same options:",
        ]
        assert (lines[-1].split()[:4], lines[-1].split()[-1]) == (["python", "-m", "semantest_iac", "deploy"], azure)
        assert states == {aws: "completed", azure: "rolled_back"}
        assert {row["state"] for row in workspace.run("status", "--json").json} == {"completed"}
