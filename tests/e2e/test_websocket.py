"""A WebSocket API from its first deployment to its second life, told by the commands that a person would use."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli_location import locate

_NAME = "websocket.aws.development.us-east-1"
_STACK = ("--component", "websocket")
_VARIABLES = "components.websocket.environment"
_SIGNED = f'{_VARIABLES}={{AUTHENTICATION_REQUIRED: "true", JWT_SECRET: "${{secrets.jwt}}"}}'


@pytest.fixture(scope="module")
def life(shared_desk: Any) -> dict[str, Any]:
    """Every command of the life by name, run in order."""
    steps = {
        "preview": ("preview", *_STACK, "--json"),
        "deploy": ("deploy", *_STACK, "--json"),
        "outputs": ("outputs", "--json"),
        "plain": ("invoke", "websocket", "GET", "/", "--json"),
        "again": ("deploy", *_STACK, "--json"),
        "memory": ("deploy", *_STACK, "--set", "components.websocket.memory=512", "--json"),
        "unsigned": ("deploy", *_STACK, "--set", f"{_VARIABLES}={{AUTHENTICATION_REQUIRED: yes}}", "--json"),
        "destroy": ("destroy", *_STACK, "--yes", "--json"),
        "reborn": ("deploy", *_STACK, "--json"),
        "all": ("deploy", "--component", "all", "--json"),
        "events": ("events", "--json"),
    }
    return {name: shared_desk.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same" and count}


class TestLife:
    def test_begins_with_a_preview(self, life: dict[str, Any]) -> None:
        assert (life["preview"].code, life["preview"].json["verdict"]) == (0, "safe")

    def test_is_verified_by_a_client_that_connects(self, life: dict[str, Any]) -> None:
        health = life["deploy"].json["health"]

        assert (life["deploy"].code, health["path"], health["status"]) == (0, "$connect", 101)
        assert json.loads(health["body"])["type"] == "heartbeat_response"

    def test_offers_its_addresses_and_names(self, life: dict[str, Any]) -> None:
        outputs = life["outputs"].json

        assert outputs["endpoint"].startswith("wss://")
        assert outputs["management_endpoint"] == outputs["endpoint"].replace("wss://", "https://")
        assert {"table_name", "function_name", "function_arn"} <= outputs.keys()

    def test_answers_a_plain_request_as_the_cloud_does(self, life: dict[str, Any]) -> None:
        assert life["plain"].json["status"] == 426

    def test_stays_as_it_is_when_nothing_changed(self, life: dict[str, Any]) -> None:
        assert (life["again"].code, _mutations(life["again"])) == (0, {})

    def test_changes_what_was_changed_alone(self, life: dict[str, Any]) -> None:
        assert _mutations(life["memory"]) == {"update": 2}

    def test_refuses_to_ask_for_tokens_that_it_cannot_check(self, life: dict[str, Any]) -> None:
        [fault] = life["unsigned"].json["error"]["faults"]

        assert (life["unsigned"].code, fault["path"]) == (2, "components.websocket.environment.JWT_SECRET")

    def test_ends_whole_and_begins_anew_under_other_names(self, life: dict[str, Any]) -> None:
        assert _mutations(life["destroy"]) == {"delete": life["deploy"].json["changes"]["create"]}
        names = [life[step].json["outputs"]["table_name"] for step in ("deploy", "reborn")]
        assert len(set(names)) == 2

    def test_is_one_of_all_components(self, life: dict[str, Any]) -> None:
        ended = [json.loads(line) for line in life["all"].out.splitlines()[-2:]]

        assert {(line["stack"], line["state"]) for line in ended} == {
            ("rest-api.aws.development.us-east-1", "completed"),
            (_NAME, "completed"),
        }

    def test_is_announced(self, life: dict[str, Any]) -> None:
        told = [event for event in life["events"].json if event["type"] == "infrastructure.websocketapi.deployed"]

        assert told[0]["data"]["routes"] == ["$connect", "$default", "$disconnect"]
        assert told[0]["data"]["endpoint"] == life["deploy"].json["endpoint"]


class TestGuarded:
    def test_lets_a_client_in_with_a_token_of_the_secret(self, desk: Any) -> None:
        canary = "a-canary-of-some-length"
        who = replace(desk, variables={"SEMANTEST_SECRET_JWT": canary})

        outcome = who.run("deploy", *_STACK, "--set", _SIGNED, "--json")
        assert (outcome.code, outcome.json["health"]["status"]) == (0, 101)
        assert canary not in outcome.out
        assert not [path for path, content in desk.files().items() if canary.encode() in content]


class TestPulumi:
    @pytest.fixture(autouse=True)
    def needs_the_cli(self) -> None:
        try:
            locate(os.environ)
        except RefusedError as error:
            pytest.skip(f"no Pulumi CLI: {error.hint}")

    def test_deploys_the_same_and_sees_no_change_afterwards(self, desk: Any, life: dict[str, Any]) -> None:
        words = ("deploy", *_STACK, "--engine", "pulumi", "--cloud", "sandbox", "--json")

        first, second = desk.run(*words), desk.run(*words)
        assert first.json["changes"] == life["deploy"].json["changes"]
        assert first.json["outputs"].keys() == life["deploy"].json["outputs"].keys()
        assert (second.code, _mutations(second), second.json["health"]["status"]) == (0, {}, 101)
