"""What an account has once, from a log that misses it to its second life, by both engines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Desk, Outcome
from tests.pulumi_cli import needed

_ACCOUNT, _WEBSOCKET = ("--component", "account"), ("--component", "websocket")
_LOGGED = ("--set", "features.access_logs=true")
_LIFE: dict[str, tuple[str, ...]] = {
    "too early": ("deploy", *_WEBSOCKET, *_LOGGED, "--json"),
    "deploy": ("deploy", *_ACCOUNT, "--json"),
    "again": ("deploy", *_ACCOUNT, "--json"),
    "outputs": ("outputs", *_ACCOUNT, "--json"),
    "logged": ("deploy", *_WEBSOCKET, *_LOGGED, "--json"),
    "neighbour": ("deploy", *_ACCOUNT, "--env", "qa"),
    "destroy": ("destroy", *_ACCOUNT, "--yes"),
    "still logged": ("deploy", *_WEBSOCKET, *_LOGGED, "--set", "components.websocket.memory=512", "--json"),
    "reborn": ("deploy", *_ACCOUNT, "--json"),
}
_ENGINES = ("sandbox", "pulumi")


@pytest.fixture(scope="module", params=_ENGINES)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every command of the life by name, run in order; without a CLI Pulumi's is skipped."""
    if request.param == "pulumi":
        needed()
    desk = Desk(tmp_path_factory.mktemp(request.param))
    engine = ("--engine", request.param, "--cloud", "sandbox")
    return {name: desk.run(*words, *(engine if words[0] == "deploy" else ())) for name, words in _LIFE.items()}


def _counts(outcome: Outcome) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if count}


class TestLife:
    def test_begins_where_a_log_has_no_way_to_be_written(self, life: dict[str, Outcome]) -> None:
        outcome = life["too early"]

        assert (outcome.code, outcome.json["state"]) == (1, "rolled_back")
        assert "deploy --component account --provider aws --env development" in outcome.json["error"]["hint"]
        assert "features.access_logs" in outcome.err  # the warning before

    def test_completes_without_code_and_without_an_answer(self, life: dict[str, Outcome]) -> None:
        result = life["deploy"].json

        assert (life["deploy"].code, result["state"], _counts(life["deploy"])) == (0, "completed", {"create": 3})
        assert (result["endpoint"], result["health"]) == (None, None)

    def test_stays_as_it_is_when_nothing_changed(self, life: dict[str, Outcome]) -> None:
        assert _counts(life["again"]) == {"same": 3}

    def test_offers_the_role_and_no_place_to_call(self, life: dict[str, Outcome]) -> None:
        assert list(life["outputs"].json) == ["logging_role_arn"]

    def test_lets_a_websocket_log(self, life: dict[str, Outcome]) -> None:
        assert (life["logged"].code, life["logged"].json["health"]["status"]) == (0, 101)

    def test_tells_whose_setting_is_replaced(self, life: dict[str, Outcome]) -> None:
        assert life["neighbour"].code == 0
        assert "account.aws.development.us-east-1 has set it too" in life["neighbour"].err

    def test_leaves_everything_in_the_cloud_and_says_so(self, life: dict[str, Outcome]) -> None:
        assert "Plan: 3 to keep" in life["destroy"].out
        assert ": 3 kept." in life["destroy"].out
        assert "other stacks may rely on it" in life["destroy"].out

    def test_takes_no_log_from_others_when_it_ends(self, life: dict[str, Outcome]) -> None:
        assert (life["still logged"].code, life["still logged"].json["state"]) == (0, "completed")

    def test_begins_anew_under_another_name(self, life: dict[str, Outcome]) -> None:
        roles = [life[step].json["outputs"]["logging_role_arn"] for step in ("deploy", "reborn")]

        assert (_counts(life["reborn"]), len(set(roles))) == ({"create": 3}, 2)


class TestElsewhere:
    def test_is_refused_on_azure_before_anything_is_written(self, desk: Any) -> None:
        outcome = desk.run("deploy", *_ACCOUNT, "--provider", "azure")

        assert (outcome.code, desk.files()) == (2, {})
        assert "azure has no GatewayLogging: each gateway has a diagnostic setting of its own" in outcome.err

    def test_answers_no_request(self, desk: Any) -> None:
        desk.run("deploy", *_ACCOUNT)

        assert "it has no endpoint" in desk.run("invoke", "account", "GET", "/health").err


class TestTogether:
    def test_is_there_before_the_log_that_needs_it(self, desk: Any) -> None:
        outcome = desk.run("deploy", *_WEBSOCKET, *_ACCOUNT, *_LOGGED)

        assert (outcome.code, outcome.err) == (0, "")
