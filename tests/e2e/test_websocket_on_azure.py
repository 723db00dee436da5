"""A WebSocket API on Web PubSub, told by the commands that a person would use."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli_location import locate

_STACK = ("--component", "websocket", "--provider", "azure")
_VARIABLES = "components.websocket.environment"
_SIGNED = f'{_VARIABLES}={{AUTHENTICATION_REQUIRED: "true", JWT_SECRET: "${{secrets.jwt}}"}}'


@pytest.fixture(scope="module")
def life(shared_desk: Any) -> dict[str, Any]:
    """Every command of the life by name, run in order."""
    steps = {
        "deploy": ("deploy", *_STACK, "--json"),
        "plain": ("invoke", "websocket", "GET", "/", "--provider", "azure", "--json"),
        "again": ("deploy", *_STACK, "--json"),
        "destroy": ("destroy", *_STACK, "--yes", "--json"),
        "reborn": ("deploy", *_STACK, "--json"),
        "events": ("events", "--json"),
    }
    return {name: shared_desk.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same" and count}


class TestLife:
    def test_is_verified_by_a_client_that_connects(self, life: dict[str, Any]) -> None:
        health = life["deploy"].json["health"]

        assert (life["deploy"].code, health["status"]) == (0, 101)
        assert json.loads(health["body"])["type"] == "heartbeat_response"

    def test_offers_the_address_of_its_hub_and_the_same_names_as_elsewhere(self, life: dict[str, Any]) -> None:
        outputs = life["deploy"].json["outputs"]

        assert outputs["endpoint"].endswith(".webpubsub.azure.com/client/hubs/semantest")
        assert outputs["management_endpoint"].endswith(".webpubsub.azure.com/api/hubs/semantest")
        assert outputs["negotiate_url"].endswith(".azurewebsites.net/negotiate")
        assert {"api_id", "table_name", "function_name", "function_arn", "function_version"} <= outputs.keys()

    def test_answers_a_plain_request_as_the_other_cloud_does(self, life: dict[str, Any]) -> None:
        assert life["plain"].json["status"] == 426

    def test_stays_as_it_is_when_nothing_changed(self, life: dict[str, Any]) -> None:
        assert (life["again"].code, _mutations(life["again"])) == (0, {})

    def test_ends_and_begins_anew_under_another_name(self, life: dict[str, Any]) -> None:
        endpoints = {life[step].json["endpoint"] for step in ("deploy", "reborn")}

        assert (life["destroy"].code, life["reborn"].code, len(endpoints)) == (0, 0, 2)

    def test_is_announced_when_clients_can_come(self, life: dict[str, Any]) -> None:
        told = [event["type"] for event in life["events"].json if event["subject"].startswith("websocket.azure")]

        place = told.index("infrastructure.websocketapi.deployed")
        assert told.index("infrastructure.updated") < place < told.index("infrastructure.deployment.completed")


class TestGuarded:
    def test_lets_a_client_in_with_a_token_of_the_secret(self, desk: Any) -> None:
        canary = "a-canary-of-some-length"
        who = replace(desk, variables={"SEMANTEST_SECRET_JWT": canary})

        outcome = who.run("deploy", *_STACK, "--set", _SIGNED, "--json")
        assert (outcome.code, outcome.json["health"]["status"]) == (0, 101)
        assert "authorizer_name" in outcome.json["outputs"]
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
