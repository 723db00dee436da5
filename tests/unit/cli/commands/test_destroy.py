"""`destroy` in a world in memory."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan

_DESTROY = ("destroy", "--component", "rest-api")


class TestDestroy:
    def test_is_refused_when_nobody_agreed(self, cli: Any, world: Any) -> None:
        outcome = cli(*_DESTROY)

        assert outcome.code == 3
        assert "Hint: Add --yes." in outcome.err
        assert world.ledger.recorded == []

    def test_is_carried_out_with_yes(self, cli: Any) -> None:
        outcome = cli(*_DESTROY, "--yes", "--json")

        result = json.loads(outcome.out.splitlines()[-1])
        assert (outcome.code, result["state"], result["changes"]["delete"]) == (0, "completed", 3)

    def test_of_several_waits_until_all_are_agreed_to(self, cli: Any, world: Any) -> None:
        regions = ("--region", "us-east-1", "--region", "eu-west-1")

        outcome = cli(*_DESTROY, *regions)

        assert (outcome.code, world.ledger.recorded) == (3, [])
        assert outcome.out.count("Plan:") == 2

    def test_of_production_takes_more_than_yes(self, cli: Any, world: Any) -> None:
        world.engines = ("pulumi",)

        outcome = cli(*_DESTROY, "--env", "production", "--yes")

        assert outcome.code == 3
        assert "Type the stack's name: rest-api.aws.production.us-east-1" in outcome.err

    def test_of_nothing_says_so(self, cli: Any, world: Any) -> None:
        world.plan = ChangePlan()

        outcome = cli(*_DESTROY)

        assert (outcome.code, outcome.out) == (0, "Nothing is deployed as 'rest-api.aws.development.us-east-1'.\n")
