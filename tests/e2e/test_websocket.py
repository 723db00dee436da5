"""A WebSocket API from its first deployment to its second life on each cloud, by the commands of a person."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from tests.e2e.conftest import Desk, Outcome
from tests.pulumi_cli import needed

_VARIABLES = "components.websocket.environment"
_SIGNED = f'{_VARIABLES}={{AUTHENTICATION_REQUIRED: "true", JWT_SECRET: "${{secrets.jwt}}"}}'
_ASKING = f"{_VARIABLES}={{AUTHENTICATION_REQUIRED: yes}}"
_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")
_CANARY = "a-canary-of-some-length"


@dataclass(frozen=True)
class Cloud:
    """What one and the same API is in a cloud's own words.

    Outputs by their patterns, what more memory changes, the routes, and after which event clients can come.
    """

    provider: str
    region: str
    outputs: Mapping[str, str]
    more_memory: Mapping[str, int]
    routes: tuple[str, ...]
    ready_after: str

    def words(self, command: str, *more: str) -> tuple[str, ...]:
        """A command about this cloud's stack."""
        return (command, "--component", "websocket", "--provider", self.provider, *more, "--json")


_AWS = Cloud(
    "aws",
    "us-east-1",
    {"endpoint": "wss://(.+)", "management_endpoint": "https://(.+)", "table_name": ".+"},
    {"update": 2},
    ("$connect", "$default", "$disconnect"),
    "deployment.started",
)
_AZURE = Cloud(
    "azure",
    "eastus",
    {
        "endpoint": r"wss://(.+)\.webpubsub\.azure\.com/client/hubs/semantest",
        "management_endpoint": r"https://(.+)\.webpubsub\.azure\.com/api/hubs/semantest",
        "negotiate_url": r"https://(.+)\.azurewebsites\.net/negotiate",
        "table_name": "connections",
    },
    {"update": 1},
    ("connect", "connected", "message", "disconnected"),
    "updated",
)
_IDS = {"api_id", "function_name", "function_arn", "function_version"}

Life = dict[str, Outcome]


@pytest.fixture(scope="module", params=[_AWS, _AZURE], ids=lambda cloud: cloud.provider)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each in turn."""
    found: Cloud = request.param
    return found


@pytest.fixture(scope="module")
def life(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Every command of the life by name, run in order."""
    steps = {
        "preview": cloud.words("preview"),
        "deploy": cloud.words("deploy"),
        "outputs": ("outputs", "--json"),
        "plain": ("invoke", "websocket", "GET", "/", "--provider", cloud.provider, "--json"),
        "again": cloud.words("deploy"),
        "memory": cloud.words("deploy", "--set", "components.websocket.memory=1024"),
        "unsigned": cloud.words("deploy", "--set", _ASKING),
        "destroy": cloud.words("destroy", "--yes"),
        "reborn": cloud.words("deploy"),
        "all": ("deploy", "--component", "all", "--provider", cloud.provider, "--json"),
        "events": ("events", "--json"),
    }
    desk = Desk(tmp_path_factory.mktemp("life"))
    return {name: desk.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Outcome) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same" and count}


class TestLife:
    def test_begins_with_a_preview(self, life: Life) -> None:
        assert (life["preview"].code, life["preview"].json["verdict"]) == (0, "safe")

    def test_is_verified_by_a_client_that_connects(self, life: Life) -> None:
        health = life["deploy"].json["health"]

        assert (life["deploy"].code, health["path"], health["status"]) == (0, "$connect", 101)
        assert json.loads(health["body"])["type"] == "heartbeat_response"

    def test_offers_its_addresses_and_names(self, cloud: Cloud, life: Life) -> None:
        outputs = life["outputs"].json

        found = {name: re.fullmatch(pattern, outputs.get(name, "")) for name, pattern in cloud.outputs.items()}
        assert None not in found.values()
        assert len({match[1] for name, match in found.items() if match and "endpoint" in name}) == 1
        assert outputs.keys() >= _IDS

    def test_answers_a_plain_request_as_every_cloud_does(self, life: Life) -> None:
        assert life["plain"].json["status"] == 426

    def test_stays_as_it_is_when_nothing_changed(self, life: Life) -> None:
        assert (life["again"].code, _mutations(life["again"])) == (0, {})

    def test_changes_what_was_changed_alone(self, cloud: Cloud, life: Life) -> None:
        assert _mutations(life["memory"]) == cloud.more_memory

    def test_refuses_to_ask_for_tokens_that_it_cannot_check(self, life: Life) -> None:
        [fault] = life["unsigned"].json["error"]["faults"]

        assert (life["unsigned"].code, fault["path"]) == (2, f"{_VARIABLES}.JWT_SECRET")

    def test_ends_whole_and_begins_anew_under_other_names(self, life: Life) -> None:
        assert _mutations(life["destroy"]) == {"delete": life["deploy"].json["changes"]["create"]}
        for name in ("endpoint", "function_name"):
            assert life["deploy"].json["outputs"][name] != life["reborn"].json["outputs"][name]

    def test_is_one_of_all_components(self, cloud: Cloud, life: Life) -> None:
        ended = [json.loads(line) for line in life["all"].out.splitlines()[-2:]]
        place = f"{cloud.provider}.development.{cloud.region}"

        assert {line["stack"]: line["state"] for line in ended} == {
            f"rest-api.{place}": "completed",
            f"websocket.{place}": "completed",
        }

    def test_is_announced_once_clients_can_come(self, cloud: Cloud, life: Life) -> None:
        told = [event for event in life["events"].json if event["subject"].startswith("websocket.")]
        kinds = [event["type"].removeprefix("infrastructure.") for event in told]

        place = kinds.index("websocketapi.deployed")
        assert told[place]["data"]["endpoint"] == life["deploy"].json["endpoint"]
        assert told[place]["data"]["routes"] == [*cloud.routes]
        assert kinds.index(cloud.ready_after) < place < kinds.index("deployment.completed")


class TestGuarded:
    def test_lets_a_client_in_with_a_token_of_the_secret(self, cloud: Cloud, desk: Desk) -> None:
        who = replace(desk, variables={"SEMANTEST_SECRET_JWT": _CANARY})

        outcome = who.run(*cloud.words("deploy", "--set", _SIGNED))
        assert (outcome.code, outcome.json["health"]["status"]) == (0, 101)
        assert "authorizer_name" in outcome.json["outputs"]
        assert _CANARY not in outcome.out
        assert not [path for path, content in desk.files().items() if _CANARY.encode() in content]


class TestPulumi:
    def test_deploys_the_same_and_sees_no_change_afterwards(self, cloud: Cloud, desk: Desk, life: Life) -> None:
        needed()
        first, second = (desk.run(*cloud.words("deploy", *_PULUMI)) for _ in range(2))

        assert first.json["changes"] == life["deploy"].json["changes"]
        assert first.json["outputs"].keys() == life["deploy"].json["outputs"].keys()
        assert (second.code, _mutations(second), second.json["health"]["status"]) == (0, {}, 101)
