"""A WebSocket API on each cloud, from its first preview to the deployment after destroy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from tests.e2e.conftest import Outcome, Workspace
from tests.pulumi_cli import require_pulumi_cli

_VARIABLES = "components.websocket.environment"
_SIGNED = f'{_VARIABLES}={{AUTHENTICATION_REQUIRED: "true", JWT_SECRET: "${{secrets.jwt}}"}}'
_ASKING = f"{_VARIABLES}={{AUTHENTICATION_REQUIRED: yes}}"
_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")
_CANARY = "a-canary-of-some-length"


@dataclass(frozen=True)
class Cloud:
    """What the API looks like on one cloud.

    Outputs by their patterns, what more memory changes, the routes, and after which event clients can come.
    """

    provider: str
    region: str
    outputs: Mapping[str, str]
    more_memory: Mapping[str, int]
    routes: tuple[str, ...]
    ready_after: str

    def arguments(self, command: str, *more: str) -> tuple[str, ...]:
        """The arguments of a command about this cloud's stack."""
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

Outcomes = dict[str, Outcome]


@pytest.fixture(scope="module", params=[_AWS, _AZURE], ids=lambda cloud: cloud.provider)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found: Cloud = request.param
    return found


@pytest.fixture(scope="module")
def outcomes(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """The outcomes of the commands by name, run in order."""
    steps = {
        "preview": cloud.arguments("preview"),
        "deploy": cloud.arguments("deploy"),
        "outputs": ("outputs", "--json"),
        "plain": ("invoke", "websocket", "GET", "/", "--provider", cloud.provider, "--json"),
        "again": cloud.arguments("deploy"),
        "memory": cloud.arguments("deploy", "--set", "components.websocket.memory=1024"),
        "unsigned": cloud.arguments("deploy", "--set", _ASKING),
        "destroy": cloud.arguments("destroy", "--yes"),
        "recreated": cloud.arguments("deploy"),
        "all": ("deploy", "--component", "all", "--provider", cloud.provider, "--json"),
        "events": ("events", "--json"),
    }
    workspace = Workspace(tmp_path_factory.mktemp("outcomes"))
    return {name: workspace.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Outcome) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same" and count}


class TestLifecycle:
    def test_preview_is_safe(self, outcomes: Outcomes) -> None:
        assert (outcomes["preview"].code, outcomes["preview"].json["verdict"]) == (0, "safe")

    def test_deploy_connects_a_client_as_health_check(self, outcomes: Outcomes) -> None:
        health = outcomes["deploy"].json["health"]

        assert (outcomes["deploy"].code, health["path"], health["status"]) == (0, "$connect", 101)
        assert json.loads(health["body"])["type"] == "heartbeat_response"

    def test_outputs_have_addresses_and_names(self, cloud: Cloud, outcomes: Outcomes) -> None:
        outputs = outcomes["outputs"].json

        found = {name: re.fullmatch(pattern, outputs.get(name, "")) for name, pattern in cloud.outputs.items()}
        assert None not in found.values()
        assert len({match[1] for name, match in found.items() if match and "endpoint" in name}) == 1
        assert outputs.keys() >= _IDS

    def test_plain_requests_get_426(self, outcomes: Outcomes) -> None:
        assert outcomes["plain"].json["status"] == 426

    def test_deploying_again_changes_nothing(self, outcomes: Outcomes) -> None:
        assert (outcomes["again"].code, _mutations(outcomes["again"])) == (0, {})

    def test_more_memory_updates_only_the_function(self, cloud: Cloud, outcomes: Outcomes) -> None:
        assert _mutations(outcomes["memory"]) == cloud.more_memory

    def test_authentication_without_a_secret_is_refused(self, outcomes: Outcomes) -> None:
        [fault] = outcomes["unsigned"].json["error"]["faults"]

        assert (outcomes["unsigned"].code, fault["path"]) == (2, f"{_VARIABLES}.JWT_SECRET")

    def test_destroy_deletes_everything_and_new_names_follow(self, outcomes: Outcomes) -> None:
        assert _mutations(outcomes["destroy"]) == {"delete": outcomes["deploy"].json["changes"]["create"]}
        for name in ("endpoint", "function_name"):
            assert outcomes["deploy"].json["outputs"][name] != outcomes["recreated"].json["outputs"][name]

    def test_is_part_of_all_components(self, cloud: Cloud, outcomes: Outcomes) -> None:
        ended = [json.loads(line) for line in outcomes["all"].out.splitlines()[-2:]]
        location = f"{cloud.provider}.development.{cloud.region}"

        assert {line["stack"]: line["state"] for line in ended} == {
            f"rest-api.{location}": "completed",
            f"websocket.{location}": "completed",
        }

    def test_event_is_published_once_clients_can_connect(self, cloud: Cloud, outcomes: Outcomes) -> None:
        events = [event for event in outcomes["events"].json if (event["subject"] or "").startswith("websocket.")]
        kinds = [event["type"].removeprefix("infrastructure.") for event in events]

        index = kinds.index("websocketapi.deployed")
        assert events[index]["data"]["endpoint"] == outcomes["deploy"].json["endpoint"]
        assert events[index]["data"]["routes"] == [*cloud.routes]
        assert kinds.index(cloud.ready_after) < index < kinds.index("deployment.completed")


class TestAuthentication:
    def test_accepts_a_token_signed_with_the_secret(self, cloud: Cloud, workspace: Workspace) -> None:
        who = replace(workspace, variables={"SEMANTEST_SECRET_JWT": _CANARY})

        outcome = who.run(*cloud.arguments("deploy", "--set", _SIGNED))
        assert (outcome.code, outcome.json["health"]["status"]) == (0, 101)
        assert "authorizer_name" in outcome.json["outputs"]
        assert _CANARY not in outcome.out
        assert not [path for path, content in workspace.files().items() if _CANARY.encode() in content]


class TestPulumi:
    def test_deploys_the_same_and_no_change_follows(
        self, cloud: Cloud, workspace: Workspace, outcomes: Outcomes
    ) -> None:
        require_pulumi_cli()
        first, second = (workspace.run(*cloud.arguments("deploy", *_PULUMI)) for _ in range(2))

        assert first.json["changes"] == outcomes["deploy"].json["changes"]
        assert first.json["outputs"].keys() == outcomes["deploy"].json["outputs"].keys()
        assert (second.code, _mutations(second), second.json["health"]["status"]) == (0, {}, 101)
