"""From differences to operations."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.plan.decisions import Decision, decide_operation
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from tests.unit.sandbox_engine.builders import a_state

_NAME = ResourceDiff(("name", "tags"), {"name": "update-replace", "tags.team": "update"}, ("name",))
_TAGS = ResourceDiff(("tags",), {"tags.team": "update"})


def _goal(first: bool | None = None, **fields: Any) -> DesiredState:
    return DesiredState(a_state("a", **fields), delete_before_replace=first)


class TestDecide:
    @pytest.mark.parametrize(
        ("goal", "diff", "decision"),
        [
            (_goal(), ResourceDiff(), Decision("same")),
            (_goal(), _TAGS, Decision("update", ("tags",))),
            (_goal(), _NAME, Decision("replace", ("name",))),
            (_goal(replace_on_changes=("tags",)), _TAGS, Decision("replace", ("tags",))),
            (_goal(replace_on_changes=("tags.team",)), _TAGS, Decision("replace", ("tags",))),
            (_goal(replace_on_changes=("tags.other",)), _TAGS, Decision("update", ("tags",))),
            (_goal(replace_on_changes=("*",)), ResourceDiff(), Decision("same")),
            (_goal(replace_on_changes=("*",)), _NAME, Decision("replace", ("name", "tags"))),
        ],
        ids=["nothing", "in place", "forced", "asked", "asked deep", "asked elsewhere", "asked for all", "all"],
    )
    def test_follows_the_difference_and_the_program(
        self, goal: DesiredState, diff: ResourceDiff, decision: Decision
    ) -> None:
        assert decide_operation(goal, a_state("a"), diff) == decision

    @pytest.mark.parametrize(
        ("first", "of_the_cloud", "result"),
        [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
    )
    def test_lets_the_program_say_which_goes_first(self, first: bool | None, of_the_cloud: bool, result: bool) -> None:
        diff = ResourceDiff(("name",), {}, ("name",), delete_before_replace=of_the_cloud)

        assert decide_operation(_goal(first), a_state("a"), diff).delete_first is result

    def test_completes_one_that_was_left_half_made(self) -> None:
        assert decide_operation(_goal(), a_state("a", init_errors=("x",)), ResourceDiff()) == Decision("update")

    def test_replaces_one_that_was_left_half_made_on_request(self) -> None:
        half = a_state("a", init_errors=("x",))

        assert decide_operation(_goal(replace_on_changes=("*",)), half, ResourceDiff()).op == "replace"
