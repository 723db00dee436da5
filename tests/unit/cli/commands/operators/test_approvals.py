"""`approve` and `reject`, and what other commands say of plans that wait."""

from __future__ import annotations

import json
from typing import Any

import pytest

_STACK = "rest-api.aws.development.us-east-1"


@pytest.fixture(autouse=True)
def requires_approval(world: Any) -> None:
    world.values = {"approvals": {"required": True, "expires_after": "2d"}}


def _waiting(cli: Any, *options: str) -> str:
    return str(json.loads(cli("deploy", "rest-api", "--json", *options).out.splitlines()[-1])["deployment"])


class TestDeploy:
    def test_says_what_waits_until_when_and_what_to_run(self, cli: Any) -> None:
        ended = cli("deploy", "rest-api")

        lines = ended.out.splitlines()
        assert (ended.code, lines[1:3]) == (
            3,
            ["Plan: 1 to create", "  + create  lambda.Function  function"],
        )
        assert lines[3:6] == [
            f"{_STACK} is not changed yet.",
            "It waits for an approval until 2026-01-03T00:00:00Z:",
            "  every plan for development is approved by a person",
        ]
        assert lines[6].startswith("  semantest-iac approve ")
        assert lines[7].startswith("  semantest-iac reject ")

    def test_leaves_what_waits_out_of_what_to_try_again(self, cli: Any) -> None:
        ended = cli("deploy", "rest-api", "websocket")

        assert ended.code == 3
        assert "Try the others again" not in ended.out
        assert ended.out.count("awaiting approval") == 2

    def test_shows_it_on_a_terminal(self, cli: Any) -> None:
        assert "It waits for an approval" in cli("deploy", "rest-api", watched=True).out


class TestApprove:
    def test_shows_the_plan_and_carries_it_out(self, cli: Any) -> None:
        deployment = _waiting(cli)

        ended = cli("approve", deployment[:8])

        lines = ended.out.splitlines()
        assert (ended.code, lines[0].split(",")[0]) == (0, f"deploy of {_STACK}")
        assert lines[1].startswith("Plan ") and lines[1].endswith(": 1 to create")
        assert lines[2] == "  + create  lambda.Function  function"
        assert "Deployed" in ended.out

    @pytest.mark.parametrize("named", ["rest-api", _STACK, ""], ids=["component", "stack", "nothing"])
    def test_finds_the_plan_that_waits(self, cli: Any, named: str) -> None:
        _waiting(cli)

        assert cli("approve", *([named] if named else []), "--json").code == 0

    def test_asks_on_a_terminal(self, cli: Any, world: Any) -> None:
        _waiting(cli)
        declined = cli("approve", watched=True)

        assert (declined.code, "It still waits" in declined.err) == (3, True)
        assert [row["state"] for row in json.loads(cli("status", "--json").out)] == ["awaiting_approval"]

    def test_leaves_it_to_a_worker_with_detach(self, cli: Any) -> None:
        deployment = _waiting(cli)
        first, again = (json.loads(cli("approve", deployment, "--detach", "--json").out) for _ in range(2))

        assert first == {
            "deployment": deployment,
            "stack": _STACK,
            "kind": "deploy",
            "state": "planned",
            "approved": True,
            "already": False,
        }
        assert again == first | {"already": True}

    def test_refuses_another_plan_than_the_named_one(self, cli: Any) -> None:
        deployment = _waiting(cli)
        refused = cli("approve", deployment, "--plan", "0000", "--json")

        assert (refused.code, json.loads(refused.out)["error"]["code"]) == (3, "PLAN_CHANGED")

    def test_lists_several(self, cli: Any) -> None:
        _waiting(cli)
        cli("deploy", "websocket", "--json")
        refused = json.loads(cli("approve", "--json").out)["error"]

        assert [fault["message"].split(".")[0] for fault in refused["faults"]] == [
            "deploy of rest-api",
            "deploy of websocket",
        ]

    @pytest.mark.parametrize("named", [(), ("rest-api.aws.qa.us-east-1",), ("d0",)], ids=["none", "stack", "id"])
    def test_finds_nothing(self, cli: Any, named: tuple[str, ...]) -> None:
        refused = cli("approve", *named, "--json")

        assert (refused.code, json.loads(refused.out)["error"]["code"]) == (2, "NOT_FOUND")

    def test_refuses_what_never_waited(self, cli: Any, world: Any) -> None:
        world.values = {}
        deployment = _waiting(cli)

        for command in ("approve", "reject"):
            refused = json.loads(cli(command, deployment, "--json").out)["error"]
            assert refused["code"] == "NOT_AWAITING_APPROVAL"


class TestReject:
    def test_ends_the_deployment_with_the_reason(self, cli: Any) -> None:
        deployment = _waiting(cli)
        first, again = (cli("reject", "--reason", "not on a Friday", deployment) for _ in range(2))

        said = f"The plan of deployment {deployment} is rejected"
        assert (first.code, first.out) == (0, f"{said}; the deployment is rejected.\n")
        assert (again.code, again.out) == (0, f"{said} already; the deployment is rejected.\n")
        [row] = json.loads(cli("history", "--json").out)
        assert row["changes"] == {}
        assert row["error"]["message"].endswith("did not approve the plan: not on a Friday")


class TestOtherCommands:
    @pytest.mark.parametrize("command", ["status", "history", "queue"])
    def test_say_what_waits(self, cli: Any, command: str) -> None:
        deployment = _waiting(cli)
        shown, [row] = cli(command), json.loads(cli(command, "--json").out)

        assert f"Run `semantest-iac approve {deployment}`" in " ".join(shown.err.split())
        assert (row["approval"]["expires_at"], row["approval"]["reasons"]) == (
            "2026-01-03T00:00:00Z",
            ["every plan for development is approved by a person"],
        )

    def test_say_what_is_planned_and_not_done_yet(self, cli: Any) -> None:
        _waiting(cli)

        assert cli("history").out.splitlines()[1].endswith("1 to create")

    def test_say_in_a_preview_what_will_have_to_be_approved(self, cli: Any) -> None:
        reason = "every plan for development is approved by a person"
        shown, answer = cli("preview", "rest-api"), json.loads(cli("preview", "rest-api", "--json").out)

        assert f"needs approval  approvals: {reason}" in shown.out
        assert [it["reason"] for it in answer["guardrails"] if it["guardrail"] == "approvals"] == [reason]

    def test_say_nothing_more_of_what_was_decided(self, cli: Any) -> None:
        deployment = _waiting(cli)
        cli("reject", deployment)

        followed = cli("events", "--follow", "--deployment", deployment)
        assert ("approval.requested" in followed.out, "approve" in followed.err) == (True, False)

    def test_end_it_at_once_when_it_is_cancelled(self, cli: Any) -> None:
        deployment = _waiting(cli)

        assert json.loads(cli("cancel", deployment, "--json").out)["state"] == "cancelled"
        assert json.loads(cli("queue", "--json").out) == []


class TestDigests:
    def test_of_another_case_are_the_same_and_odd_ones_are_shown_as_text(self, cli: Any) -> None:
        deployment = _waiting(cli)
        odd = cli("approve", deployment, "--plan", "zz\x1b[31m\n", "--json")
        waiting = json.loads(cli("status", "--json").out)[0]["approval"]["plan_digest"]
        approved = cli("approve", deployment, "--plan", f" {waiting.upper()[:9]}", "--json")

        assert (odd.code, json.loads(odd.out)["error"]["code"]) == (3, "PLAN_CHANGED")
        assert "zz\\u001b[31m\\u000a of" in json.loads(odd.out)["error"]["message"]
        assert approved.code == 0, approved.out
