"""`drift` of an application in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.errors import ProviderError

_DEPLOY = ("deploy", "--component", "rest-api")
_EAST, _WEST = "rest-api.aws.development.us-east-1", "rest-api.aws.development.eu-west-1"
_DRIFT = (
    PlannedChange("u1", "aws:sns/topic:Topic", "alerts", "delete"),
    PlannedChange(
        "u2", "aws:lambda/function:Function", "function", "update", (PropertyChange("memorySize", 512, 256),)
    ),
)


@pytest.fixture
def deployed(cli: Any) -> None:
    assert cli(*_DEPLOY, "--region", "us-east-1", "--region", "eu-west-1").code == 0


@pytest.fixture
def drifted(deployed: None, world: Any) -> None:
    world.plan = ChangePlan(world.plan.resources, drift=_DRIFT)


@pytest.mark.usefixtures("deployed")
class TestUnchangedClouds:
    def test_have_no_drift(self, cli: Any, world: Any) -> None:
        before = len(world.ledger.recorded)

        outcome = cli("drift")

        assert (outcome.code, outcome.out.count("No drift"), len(world.ledger.recorded)) == (0, 2, before)

    def test_are_listed_as_json(self, cli: Any) -> None:
        rows = json.loads(cli("drift", "--json").out)

        assert [(row["stack"], row["simulated"], row["drift"]) for row in rows] == [
            (_WEST, True, []),
            (_EAST, True, []),
        ]

    def test_need_no_fix(self, cli: Any, world: Any) -> None:
        before = len(world.ledger.recorded)

        assert (cli("drift", "--fix").code, len(world.ledger.recorded)) == (0, before)


@pytest.mark.usefixtures("drifted")
class TestDrift:
    def test_is_shown_with_the_values_before_and_now(self, cli: Any) -> None:
        outcome = cli("drift", _EAST)

        assert outcome.code == 1
        assert outcome.out.splitlines()[1:] == [
            "Changed in the cloud since the last deployment:",
            "  - delete  sns.Topic        alerts",
            "  ~ update  lambda.Function  function",
            "      memorySize: 512 → 256",
        ]

    def test_is_part_of_the_json(self, cli: Any) -> None:
        outcome = cli("drift", "--region", "us-east-1", "--json")

        [row] = json.loads(outcome.out)
        assert (outcome.code, row["stack"]) == (1, _EAST)
        assert [(it["op"], it["name"], len(it["why"])) for it in row["drift"]] == [
            ("delete", "alerts", 0),
            ("update", "function", 1),
        ]

    def test_is_an_event_of_the_stack(self, cli: Any) -> None:
        cli("drift", _EAST)

        event = json.loads(cli("events", "--limit", "1", "--json").out)[0]
        assert (event["type"], event["subject"]) == ("infrastructure.drift.detected", _EAST)

    def test_is_fixed_by_the_last_good_deployment(self, cli: Any, world: Any) -> None:
        outcome = cli("drift", _EAST, "--fix", "--json")

        result = json.loads(outcome.out.splitlines()[-1])
        assert (outcome.code, result["stack"], result["state"]) == (0, _EAST, "completed")
        assert world.previewed[-1].refresh

    def test_of_a_real_cloud_is_fixed_only_with_consent(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        world.plan = ChangePlan((_DRIFT[0],), drift=_DRIFT)
        staging = (*_DEPLOY, "--env", "staging")
        assert cli(*staging, "--yes").code == 0

        assert cli("drift", "--env", "staging", "--fix").code == 3
        assert cli("drift", "--env", "staging", "--fix", "--yes").code == 0

    def test_is_shown_where_another_stack_cannot_be_read(self, cli: Any, world: Any) -> None:
        world.raises, world.raises_in = ProviderError("Cannot read it: no rights.", provider="aws"), "eu-west-1"

        outcome = cli("drift", "--json")

        error, found = json.loads(outcome.out)
        assert (outcome.code, error["error"]["message"], len(found["drift"])) == (1, "Cannot read it: no rights.", 2)
        assert cli("drift", "--region", "eu-west-1").code == 1


class TestEmptyHomes:
    def test_have_no_drift(self, cli: Any) -> None:
        assert (cli("drift").out, json.loads(cli("drift", "--json").out)) == ("Nothing is deployed.\n", [])

    def test_do_not_hold_a_named_stack(self, cli: Any) -> None:
        assert cli("drift", "rest-api").code == 2
