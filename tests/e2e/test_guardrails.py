"""Guardrails refuse, ask and note; recorded plans are judged; costs are estimated."""

from __future__ import annotations

import json
from typing import Any

import pytest

_STACK = ("--component", "rest-api")
_WITHOUT_ALARMS = ("--set", "monitoring.enabled=false")
_USUAL = ("--set", "guardrails.usual.effect=refuse", "--set", "guardrails.public_data=ask")


def _guardrails(*written: str) -> tuple[str, ...]:
    return tuple(word for one in written for word in ("--set", f"guardrails.{one}"))


@pytest.fixture(scope="module")
def outcomes(shared_workspace: Any) -> dict[str, Any]:
    """The outcomes of the commands by name, run in order."""
    most, effect = "deletes.max=2", "deletes.effect"
    steps = {
        "first preview": ("preview", *_STACK, "--json"),
        "deploy": ("deploy", *_STACK, "--json"),
        "preview": ("preview", *_STACK, *_WITHOUT_ALARMS, *_guardrails(most, "protected=[alerts]")),
        "json": ("preview", *_STACK, *_WITHOUT_ALARMS, *_guardrails(most), "--json"),
        "refused": ("deploy", *_STACK, *_WITHOUT_ALARMS, *_guardrails(most, f"{effect}=refuse"), "--json"),
        "frozen": (
            "deploy",
            *_STACK,
            *_WITHOUT_ALARMS,
            *_guardrails("freeze=[{cron: '* * * * *', hours: 1}]"),
            "--json",
        ),
        "noted": ("deploy", *_STACK, *_WITHOUT_ALARMS, *_guardrails(most, f"{effect}=note", "protected=[api]")),
        "destroy": ("destroy", *_STACK, "--yes", "--json"),
        "list": ("guardrails", "list", "rest-api", "--env", "production"),
        "test": ("guardrails", "test", "--against", "history", *_USUAL),
        "before": ("guardrails", "test", *_USUAL, "--json"),
        "rebuild": ("ledger", "rebuild"),
        "after": ("guardrails", "test", *_USUAL, "--json"),
        "aws": ("cost", "rest-api", "websocket", "--env", "production", "--json"),
        "azure": ("cost", "rest-api", "--provider", "azure", "--env", "production"),
        "bad": ("cost", "rest-api", *_guardrails("freeze=[{cron: never, hours: 1}]")),
        "asked": ("deploy", *_STACK, *_guardrails("freeze=[{cron: '* * * * *', hours: 1, effect: ask}]"), "--json"),
    }
    return {name: shared_workspace.run(*arguments) for name, arguments in steps.items()}


class TestPreviews:
    def test_show_the_cost_of_a_first_deployment(self, outcomes: dict[str, Any]) -> None:
        cost = outcomes["first preview"].json["cost"]

        assert (cost["before"], cost["rise"], cost["currency"], cost["unknown"]) == (None, 3.65, "USD", [])
        assert outcomes["first preview"].json["guardrails"] == []

    def test_show_what_guardrails_find(self, outcomes: dict[str, Any]) -> None:
        out = outcomes["preview"].out

        assert outcomes["preview"].code == 0
        assert "Estimated cost: $3.05 a month, $0.60 less; prices as of 2024-07-01." in out
        assert "refused  protected: deletes alerts (aws:sns/topic:Topic), which is protected by 'alerts'" in out
        assert "needs approval  deletes: deletes 6 resources, and 2 may be: " in out

    def test_have_the_findings_in_json(self, outcomes: dict[str, Any]) -> None:
        (finding,) = outcomes["json"].json["guardrails"]

        assert (finding["guardrail"], finding["effect"], finding["resource"]) == ("deletes", "ask", None)


class TestDeployments:
    @pytest.mark.parametrize(
        ("name", "reason"), [("refused", "deletes 6 resources, and 2 may be"), ("frozen", "frozen until 20")]
    )
    def test_are_rejected(self, outcomes: dict[str, Any], name: str, reason: str) -> None:
        result = outcomes[name].json

        assert (outcomes[name].code, result["state"], result["error"]["code"]) == (3, "rejected", "GUARDRAIL_REFUSED")
        assert reason in result["error"]["message"]

    def test_wait_for_approval(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["asked"].code, outcomes["asked"].json["state"]) == (3, "awaiting_approval")

    def test_show_notes(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["noted"].code == 0
        assert "note  deletes: deletes 6 resources, and 2 may be" in outcomes["noted"].out
        assert "Estimated cost" not in outcomes["noted"].out  # nothing of a simulated cloud costs anything

    def test_destroys_are_judged_by_what_is_deployed(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["destroy"].code, outcomes["destroy"].json["state"]) == (3, "rejected")
        assert "which is protected by 'api'" in outcomes["destroy"].json["error"]["message"]


class TestRecordedPlans:
    def test_are_judged(self, outcomes: dict[str, Any]) -> None:
        lines = outcomes["test"].out.splitlines()

        assert "deletes 6 resources, the last deployment 0 at most" in outcomes["test"].out
        assert lines[-1] == "Not judged: public_data. Recorded plans hold no values of properties."

    def test_are_judged_alike_after_the_projections_were_rebuilt(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["rebuild"].code == 0
        assert len(outcomes["before"].json) > 3
        assert outcomes["after"].out == outcomes["before"].out

    def test_guardrails_of_a_stack_are_listed(self, outcomes: dict[str, Any]) -> None:
        assert "replacements_of_stateful  ask" in outcomes["list"].out


class TestCosts:
    def test_are_estimated_for_each_stack(self, outcomes: dict[str, Any]) -> None:
        rest, websocket = (json.loads(line) for line in outcomes["aws"].out.splitlines())

        assert (rest["stack"], websocket["stack"]) == tuple(
            f"{component}.aws.production.us-east-1" for component in ("rest-api", "websocket")
        )
        assert rest["monthly"] > rest["fixed"] > 10
        assert {item["what"] for item in websocket["items"]} >= {"messages", "connection minutes"}

    def test_show_unknown_prices_as_unknown(self, outcomes: dict[str, Any]) -> None:
        out = outcomes["azure"].out

        assert "always-ready instances  5,256,000 GB-second  unknown  fixed" in out
        assert (
            "Not in it, because no price is known: executions of function, always-ready instances of function." in out
        )

    def test_need_a_valid_configuration(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["bad"].code == 2
        assert (
            "guardrails.freeze[0].cron: 'never' is no cron expression: it has 1 fields, and needs 5"
            in outcomes["bad"].err
        )
