"""`preview` in a world in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac_events.values import ResourceChange


def _change(**fields: Any) -> ResourceChange:
    return ResourceChange(**{"urn": "u", "type": "aws:sns/topic:Topic", "name": "alerts", "op": "delete"} | fields)


class TestPreview:
    @pytest.mark.parametrize(
        ("change", "verdict"),
        [
            ({"op": "same"}, "no_change"),
            ({"op": "create"}, "safe"),
            ({"reversible": "irreversible"}, "irreversible"),
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
    def test_may_be_of_several_stacks(self, cli: Any, options: tuple[str, ...]) -> None:
        outcome = cli("preview", "--component", "all", "--json", *options)

        stacks = [json.loads(line)["stack"].partition(".")[0] for line in outcome.out.splitlines()]
        assert (outcome.code, stacks) == (0, ["rest-api", "websocket"])

    def test_is_a_table_for_people(self, cli: Any) -> None:
        assert "  + create  lambda.Function  function  memorySize" in cli("preview", "--component", "rest-api").out
