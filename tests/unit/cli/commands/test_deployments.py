"""`deploy`, `preview` and `destroy` of an application in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.errors import StackBusyError

_DEPLOY = ("deploy", "--component", "rest-api")
_STACK = "rest-api.aws.development.us-east-1"


class TestDeployText:
    def test_shows_location_plan_progress_endpoint_and_health(self, cli: Any) -> None:
        outcome = cli(*_DEPLOY)

        lines = outcome.out.splitlines()
        assert outcome.code == 0
        assert lines[:4] == [
            f"{_STACK}: simulated aws on this machine; no cloud account is touched",
            "Plan: 1 to create",
            "  + create  lambda.Function  function",
            "  created  lambda.Function function  0.25 s",
        ]
        assert lines[4].startswith("Deployed in ")
        assert lines[5:7] == [
            "endpoint  https://a1.execute-api.us-east-1.amazonaws.com",
            'health    GET /health -> 200 {"status":"healthy","key":"***"}',
        ]

    def test_says_that_nothing_changed(self, cli: Any, world: Any) -> None:
        cli(*_DEPLOY)
        world.plan = ChangePlan()

        assert "No changes.\nendpoint  https://" in cli(*_DEPLOY).out

    def test_ends_with_the_reason_of_a_failure(self, cli: Any, world: Any) -> None:
        world.fails = True

        outcome = cli(*_DEPLOY)

        assert outcome.code == 1
        assert outcome.err.endswith("Error: Cannot create 'function': no room.\nHint: Make room.\n")

    def test_is_a_tree_on_a_terminal(self, cli: Any) -> None:
        outcome = cli(*_DEPLOY, watched=True)

        assert outcome.code == 0
        assert "lambda.Function  function    0.25 s" in outcome.out


_REAL = (*_DEPLOY, "--env", "staging")


class TestRealCloud:
    @pytest.fixture(autouse=True)
    def real(self, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")

    @pytest.mark.parametrize(
        ("answer", "code", "state"), [("y", 0, "completed"), ("", 3, "rejected"), ("no", 3, "rejected")]
    )
    def test_asks_after_the_plan_and_no_is_the_default(
        self, cli: Any, world: Any, answer: str, code: int, state: str
    ) -> None:
        world.answers = [answer]

        outcome = cli(*_REAL, watched=True)

        [row] = world.ledger.deployments()
        assert (outcome.code, row.state) == (code, state)
        assert "Plan: " in outcome.out
        assert "Deploy these changes? [y/N] " in outcome.err
        assert ("lambda.Function  function    0.25 s" in outcome.out) is (code == 0)

    def test_asks_about_each_of_several_stacks(self, cli: Any, world: Any) -> None:
        world.answers = ["y", "n"]

        outcome = cli(*_REAL, "--region", "us-east-1", "--region", "eu-west-1", watched=True)

        assert outcome.code == 3
        assert sorted(row.state for row in world.ledger.deployments()) == ["completed", "rejected"]
        assert "Deploy these changes to rest-api.aws.staging.us-east-1? [y/N] " in outcome.err

    @pytest.mark.parametrize(("op", "code"), [("create", 0), ("update", 0), ("replace", 3), ("delete", 3)])
    @pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
    def test_needs_yes_for_destruction_where_nobody_can_be_asked(
        self, cli: Any, world: Any, op: str, code: int, options: tuple[str, ...]
    ) -> None:
        world.plan = ChangePlan((_change(op=op), _change(op="same")))

        outcome = cli(*_REAL, *options)

        assert outcome.code == code
        if code:
            assert f"{op}: alerts (aws:sns/topic:Topic)" in outcome.out + outcome.err
            [row] = world.ledger.deployments()
            assert (row.state, row.error["code"]) == ("rejected", "CONSENT_MISSING")
        assert cli(*_REAL, *options, "--yes").code == 0

    def test_is_not_created_again_where_its_state_is_lost(self, cli: Any, world: Any) -> None:
        world.plan = ChangePlan((_change(op="create"),))
        cli(*_REAL, "--yes")

        outcome = cli(*_REAL, "--yes")

        assert outcome.code == 3
        assert "it is deployed, and its state has none of its resources" in outcome.err

    def test_is_not_asked_about_without_changes(self, cli: Any, world: Any) -> None:
        cli(*_REAL, "--yes")
        world.plan = ChangePlan()

        assert cli(*_REAL, watched=True).code == 0


class TestRehearsal:
    _PRODUCTION = ("--component", "rest-api", "--env", "production")
    _WARNING = (
        "Warning: 'rest-api.aws.production.us-east-1' is SIMULATED on this machine: "
        "nothing of it is in a real aws account.\n"
    )

    def test_is_warned_of_each_time(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        first = cli("deploy", *self._PRODUCTION, "--engine", "sandbox")
        again = cli("deploy", *self._PRODUCTION, "--json")
        others = [
            cli("status"),
            cli("history", "--env", "production"),
            cli("outputs"),
            cli("preview", *self._PRODUCTION),
            cli("invoke", "rest-api", "GET", "/", "--env", "production"),
            cli("destroy", *self._PRODUCTION),
        ]

        assert (first.code, again.code, json.loads(again.out.splitlines()[-1])["simulated"]) == (0, 0, True)
        assert all(outcome.err.startswith(self._WARNING) for outcome in (first, again, *others))
        assert others[0].out.splitlines()[1].split("  ")[2] == "completed (simulated)"

    def test_is_not_warned_of_in_development(self, cli: Any) -> None:
        assert "SIMULATED" not in cli(*_DEPLOY).err + cli("status").err


class TestSeveralStacks:
    _TWO = (*_DEPLOY, "--region", "us-east-1", "--region", "eu-west-1")

    def test_have_a_result_line_each_in_the_given_order(self, cli: Any, world: Any) -> None:
        outcome = cli(*self._TWO, "--json")

        last = [json.loads(line) for line in outcome.out.splitlines()[-2:]]
        assert outcome.code == 0
        assert [line["stack"] for line in last] == [_STACK, "rest-api.aws.development.eu-west-1"]
        assert [line["stack"] for line in last] == [world.ledger.deployment(line["deployment"]).stack for line in last]

    def test_have_a_label_before_each_line(self, cli: Any) -> None:
        *lines, _, _ = cli(*self._TWO).out.splitlines()  # the last two are what to try next

        assert {line.split()[0] for line in lines} == {_STACK, "rest-api.aws.development.eu-west-1"}
        assert all(line.count("rest-api.") == 1 for line in lines)

    def test_exit_with_the_code_of_the_worst_outcome(self, cli: Any, world: Any) -> None:
        world.raises, world.raises_in = StackBusyError("It is busy.", hint="Wait."), "us-east-1"

        outcome = cli(*self._TWO, "--json")

        refused, done = (json.loads(line) for line in outcome.out.splitlines()[-2:])
        assert outcome.code == 4
        assert (refused["state"], refused["error"]["message"]) == ("rejected", "It is busy.")
        assert done["state"] == "completed"

    def test_are_all_refused_for_the_faults_of_one(self, cli: Any, world: Any) -> None:
        outcome = cli(*_DEPLOY, "--region", "us-east-1", "--region", "moon")

        assert (outcome.code, world.ledger.deployments()) == (2, [])


class TestNames:
    @pytest.mark.parametrize(
        ("words", "stacks"),
        [
            (("rest-api",), [_STACK]),
            (("websocket", "--env", "Dev", "REST-API"), ["websocket.aws.development.us-east-1", _STACK]),
            (("--component", "rest-api", "rest-api"), [_STACK]),
            (("rest-api", "--provider", "Azure"), ["rest-api.azure.development.eastus"]),
            (("rest-api", "--provider", "azure", "--region", "West US 2"), ["rest-api.azure.development.westus2"]),
            ((_STACK,), [_STACK]),
            (("--component", "rest-api.azure.development.westus2"), ["rest-api.azure.development.westus2"]),
        ],
    )
    def test_are_arguments_in_any_order_and_case(self, cli: Any, words: tuple[str, ...], stacks: list[str]) -> None:
        outcome = cli("preview", "--json", *words)

        assert (outcome.code, [json.loads(line)["stack"] for line in outcome.out.splitlines()]) == (0, stacks)

    def test_of_a_stack_are_refused_with_options_that_differ(self, cli: Any) -> None:
        outcome = cli("deploy", _STACK, "--provider", "azure", "--json")

        [fault] = json.loads(outcome.out)["error"]["faults"]
        assert (outcome.code, fault["path"]) == (2, "provider")


class TestDeployJson:
    def test_is_an_event_per_line_and_the_result_last(self, cli: Any) -> None:
        outcome = cli(*_DEPLOY, "--json")

        *events, result = map(json.loads, outcome.out.splitlines())
        assert [event["type"].rpartition(".")[2] for event in events] == [
            "requested",
            "started",
            "planned",
            "updated",
            "completed",
        ]
        assert result | {"duration_s": 0} == {
            "deployment": events[0]["data"]["deployment_id"],
            "stack": _STACK,
            "kind": "deploy",
            "state": "completed",
            "changes": {"create": 1, "update": 0, "replace": 0, "delete": 0, "same": 0},
            "outputs": {"endpoint": "https://a1.execute-api.us-east-1.amazonaws.com"},
            "endpoint": "https://a1.execute-api.us-east-1.amazonaws.com",
            "health": {"path": "/health", "status": 200, "body": '{"status":"healthy","key":"***"}'},
            "duration_s": 0,
            "simulated": True,
        }

    def test_holds_the_error_of_a_failure(self, cli: Any, world: Any) -> None:
        world.fails = True

        outcome = cli(*_DEPLOY, "--json")

        result = json.loads(outcome.out.splitlines()[-1])
        assert (outcome.code, result["state"]) == (1, "failed")
        assert result["error"]["code"] == "PROVIDER_ERROR"

    def test_ends_with_the_result_when_it_was_cancelled(self, cli: Any, world: Any) -> None:
        world.cancels = True

        outcome = cli(*_DEPLOY, "--json")

        [row] = world.ledger.deployments()
        assert json.loads(outcome.out.splitlines()[-1])["deployment"] == row.deployment


class TestSeveral:
    def test_deploy_accounts_first(self, cli: Any, world: Any) -> None:
        outcome = cli("deploy", "--component", "websocket", "--component", "account")

        told = [recorded.stream.partition(".")[0] for recorded in world.ledger.recorded]
        assert (outcome.code, list(dict.fromkeys(told))) == (0, ["account", "websocket"])


class TestRefusals:
    def test_report_every_fault_and_record_nothing(self, cli: Any, world: Any) -> None:
        section = {"memory": 64, "environment": {"KEY": "${secrets.key}"}}
        world.values = {"componets": {}, "components": {"rest-api": section, "websocket": {}}}

        outcome = cli("deploy", "--region", "moon", "--json")

        paths = [fault["path"] for fault in json.loads(outcome.out)["error"]["faults"]]
        assert outcome.code == 2
        assert paths == [
            "componets",
            "component",
            "region",
            "components.rest-api.memory",
            "components.rest-api.environment.KEY",
        ]
        assert world.ledger.recorded == []

    def test_of_an_environment_without_an_engine_exit_3(self, cli: Any, world: Any) -> None:
        outcome = cli(*_DEPLOY, "--env", "prod")

        assert (outcome.code, outcome.out) == (3, "")
        assert "needs the engine 'pulumi'" in outcome.err
        assert world.ledger.recorded == []

    def test_list_the_available_components(self, cli: Any) -> None:
        outcome = cli("deploy", "--component", "plattform")

        assert outcome.code == 2
        assert "Did you mean 'platform'? Known: rest-api, websocket," in outcome.err


class TestPort:
    @pytest.mark.parametrize("port", ["80", "4180", "0"])
    def test_is_refused_without_serve(self, cli: Any, world: Any, port: str) -> None:
        outcome = cli(*_DEPLOY, "--port", port)

        assert (outcome.code, outcome.out) == (2, "")
        assert "Cannot use --port without --serve" in outcome.err
        assert "Hint: Add --serve, or leave --port out." in outcome.err
        assert world.ledger.recorded == []


class TestWarnings:
    def test_are_printed_to_stderr(self, cli: Any, world: Any) -> None:
        world.values = {"components": {"rest-api": {"timeout": 30}}}

        outcome = cli(*_DEPLOY)

        assert outcome.code == 0
        assert outcome.err.startswith("Warning: ")
        assert "semantest.yaml:1:30 components.rest-api.timeout: 30 s becomes 29 s" in outcome.err


def _change(**fields: Any) -> PlannedChange:
    return PlannedChange(**{"urn": "u", "type": "aws:sns/topic:Topic", "name": "alerts", "op": "delete"} | fields)


class TestPreview:
    @pytest.mark.parametrize(
        ("change", "verdict"),
        [
            ({"op": "same"}, "no_change"),
            ({"op": "create"}, "safe"),
            ({"loses": "its items"}, "irreversible"),
        ],
        ids=["same", "create", "lost"],
    )
    @pytest.mark.parametrize("options", [(), ("--destroy",)], ids=["deploy", "destroy"])
    def test_has_a_verdict(
        self, cli: Any, world: Any, change: dict[str, str], verdict: str, options: tuple[str, ...]
    ) -> None:
        world.plan = ChangePlan((_change(**change),))

        outcome = cli("preview", "--component", "rest-api", "--json", *options)

        assert (outcome.code, json.loads(outcome.out)["verdict"]) == (0, verdict)

    def test_has_the_shape_of_the_contract(self, cli: Any, world: Any) -> None:
        answer = json.loads(cli("preview", "--component", "rest-api", "--json").out)

        assert answer["stack"] == "rest-api.aws.development.us-east-1"
        assert answer["changes"] == {"create": 1, "update": 0, "replace": 0, "delete": 0, "same": 0}
        assert answer["resources"][0].keys() >= {"urn", "type", "name", "op", "why"}
        assert world.ledger.recorded == []

    @pytest.mark.parametrize("options", [(), ("--destroy",)], ids=["deploy", "destroy"])
    def test_covers_several_stacks(self, cli: Any, options: tuple[str, ...]) -> None:
        outcome = cli("preview", "--component", "all", "--json", *options)

        stacks = [json.loads(line)["stack"].partition(".")[0] for line in outcome.out.splitlines()]
        assert (outcome.code, stacks) == (0, ["rest-api", "websocket"])

    def test_shows_old_and_new_values(self, cli: Any, world: Any) -> None:
        change = PropertyChange("memorySize", 512, 2048)
        world.plan = ChangePlan((_change(op="update", properties=(change,)),))

        text = cli("preview", "--component", "rest-api").out
        answer = json.loads(cli("preview", "--component", "rest-api", "--json").out)

        assert "  ~ update  sns.Topic  alerts\n      memorySize: 512 → 2048\n" in text
        assert answer["resources"][0]["why"] == [{"path": "memorySize", "from": 512, "to": 2048, "replaces": False}]


class TestRefresh:
    @pytest.fixture(autouse=True)
    def drifted(self, world: Any) -> None:
        memory = PropertyChange("memorySize", 512, 256)
        changed = PlannedChange("u2", "aws:lambda/function:Function", "function", "update", (memory,))
        world.plan = ChangePlan((_change(op="create"),), drift=(_change(op="delete"), changed))

    @pytest.mark.parametrize("command", ["deploy", "preview"])
    def test_shows_what_was_changed_in_the_cloud_before_the_plan(self, cli: Any, world: Any, command: str) -> None:
        lines = cli(command, "--component", "rest-api", "--refresh").out.splitlines()

        assert lines[1:6] == [
            "Changed in the cloud since the last deployment:",
            "  - delete  sns.Topic        alerts",
            "  ~ update  lambda.Function  function",
            "      memorySize: 512 → 256",
            "Plan: 1 to create",
        ]
        assert [work.refresh for work in world.previewed] == [True]

    def test_is_an_event_and_part_of_the_json(self, cli: Any) -> None:
        events = [json.loads(line) for line in cli(*_DEPLOY, "--refresh", "--json").out.splitlines()[:-1]]
        preview = json.loads(cli("preview", "--component", "rest-api", "--refresh", "--json").out)

        drift = next(event["data"] for event in events if event["type"] == "infrastructure.drift.detected")
        assert [(it["op"], it["name"]) for it in drift["resources"]] == [("create", "alerts"), ("update", "function")]
        assert [(it["op"], len(it["why"])) for it in preview["drift"]] == [("delete", 0), ("update", 1)]

    def test_of_a_destroy_is_refused(self, cli: Any) -> None:
        assert cli("preview", "--component", "rest-api", "--destroy", "--refresh").code == 2
