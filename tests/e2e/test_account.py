"""The account component from its first deployment to the one after destroy; the contract of engines has it on both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Outcome, Workspace

_ACCOUNT, _WEBSOCKET = ("--component", "account"), ("--component", "websocket")
_LOGGED = ("--set", "features.access_logs=true")
_STEPS: dict[str, tuple[str, ...]] = {
    "without account": ("deploy", *_WEBSOCKET, *_LOGGED, "--json"),
    "deploy": ("deploy", *_ACCOUNT, "--json"),
    "again": ("deploy", *_ACCOUNT, "--json"),
    "outputs": ("outputs", *_ACCOUNT, "--json"),
    "with log": ("deploy", *_WEBSOCKET, *_LOGGED, "--json"),
    "other environment": ("deploy", *_ACCOUNT, "--env", "qa"),
    "destroy": ("destroy", *_ACCOUNT, "--env", "dev", "--yes"),
    "log after destroy": ("deploy", *_WEBSOCKET, *_LOGGED, "--set", "components.websocket.memory=512", "--json"),
    "recreated": ("deploy", *_ACCOUNT, "--json"),
}


@pytest.fixture(scope="module")
def outcomes(shared_workspace: Workspace) -> dict[str, Outcome]:
    """The outcomes of the commands by name, run in order."""
    engine = ("--engine", "sandbox", "--cloud", "sandbox")
    return {
        name: shared_workspace.run(*words, *(engine if words[0] == "deploy" else ())) for name, words in _STEPS.items()
    }


def _counts(outcome: Outcome) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if count}


class TestLifecycle:
    def test_a_log_without_the_account_rolls_back(self, outcomes: dict[str, Outcome]) -> None:
        outcome = outcomes["without account"]

        assert (outcome.code, outcome.json["state"]) == (1, "rolled_back")
        assert "deploy --component account --provider aws --env development" in outcome.json["error"]["hint"]
        assert "features.access_logs" in outcome.err

    def test_deploy_completes_without_code_and_endpoint(self, outcomes: dict[str, Outcome]) -> None:
        result = outcomes["deploy"].json

        assert (outcomes["deploy"].code, result["state"], _counts(outcomes["deploy"])) == (
            0,
            "completed",
            {"create": 3},
        )
        assert (result["endpoint"], result["health"]) == (None, None)

    def test_deploying_again_changes_nothing(self, outcomes: dict[str, Outcome]) -> None:
        assert _counts(outcomes["again"]) == {"same": 3}

    def test_outputs_are_the_role_alone(self, outcomes: dict[str, Outcome]) -> None:
        assert list(outcomes["outputs"].json) == ["logging_role_arn"]

    def test_a_websocket_can_write_logs_then(self, outcomes: dict[str, Outcome]) -> None:
        assert (outcomes["with log"].code, outcomes["with log"].json["health"]["status"]) == (0, 101)

    def test_a_second_environment_is_warned_whose_setting_it_replaces(self, outcomes: dict[str, Outcome]) -> None:
        assert outcomes["other environment"].code == 0
        assert "account.aws.development.us-east-1 has set it too" in outcomes["other environment"].err

    def test_destroy_keeps_every_resource_and_says_so(self, outcomes: dict[str, Outcome]) -> None:
        assert "Plan: 3 to keep" in outcomes["destroy"].out
        assert ": 3 kept." in outcomes["destroy"].out
        assert "other stacks may rely on it" in outcomes["destroy"].out

    def test_logs_of_others_survive_the_destroy(self, outcomes: dict[str, Outcome]) -> None:
        assert (outcomes["log after destroy"].code, outcomes["log after destroy"].json["state"]) == (0, "completed")

    def test_the_next_deployment_has_another_role(self, outcomes: dict[str, Outcome]) -> None:
        roles = [outcomes[step].json["outputs"]["logging_role_arn"] for step in ("deploy", "recreated")]

        assert (_counts(outcomes["recreated"]), len(set(roles))) == ({"create": 3}, 2)


class TestUnsupported:
    def test_azure_refuses_it_and_writes_nothing(self, workspace: Any) -> None:
        outcome = workspace.run("deploy", *_ACCOUNT, "--provider", "azure")

        assert (outcome.code, workspace.files()) == (2, {})
        assert "azure has no gateway logging: not needed: each gateway has its own diagnostic setting" in outcome.err

    def test_invoke_is_refused(self, workspace: Any) -> None:
        workspace.run("deploy", *_ACCOUNT)

        refused = workspace.run("invoke", "account", "GET", "/health").err

        assert "it has no endpoint" in refused
        assert "account" not in refused.partition("endpoint")[2]


class TestWithWebSocket:
    def test_is_deployed_before_the_log_that_needs_it(self, workspace: Any) -> None:
        outcome = workspace.run("deploy", *_WEBSOCKET, *_ACCOUNT, *_LOGGED)

        assert (outcome.code, "Warning" in outcome.err) == (0, False)
