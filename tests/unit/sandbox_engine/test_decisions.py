from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.plan.decisions import (
    Decision,
    decide_operation,
    mark_requested_replacements,
)
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from tests.unit.sandbox_engine.builders import a_state

_NAME = ResourceDiff(("name", "tags"), {"name": "update-replace", "tags.team": "update"}, ("name",))
_TAGS = ResourceDiff(("tags",), {"tags.team": "update"})


def _desired(delete_first: bool | None = None, **fields: Any) -> DesiredState:
    return DesiredState(a_state("a", **fields), delete_before_replace=delete_first)


class TestDecideOperation:
    @pytest.mark.parametrize(
        ("desired", "diff", "decision"),
        [
            (_desired(), ResourceDiff(), Decision("same")),
            (_desired(), _TAGS, Decision("update", ("tags",))),
            (_desired(), _NAME, Decision("replace", ("name",))),
            (_desired(replace_on_changes=("tags",)), _TAGS, Decision("replace", ("tags",))),
            (_desired(replace_on_changes=("tags.team",)), _TAGS, Decision("replace", ("tags",))),
            (_desired(replace_on_changes=("tags.other",)), _TAGS, Decision("update", ("tags",))),
            (_desired(replace_on_changes=("*",)), ResourceDiff(), Decision("same")),
            (_desired(replace_on_changes=("*",)), _NAME, Decision("replace", ("name", "tags"))),
        ],
        ids=[
            "nothing",
            "in place",
            "forced",
            "requested",
            "requested below",
            "requested elsewhere",
            "requested for all",
            "all",
        ],
    )
    def test_depends_on_the_difference_and_the_program(
        self, desired: DesiredState, diff: ResourceDiff, decision: Decision
    ) -> None:
        assert decide_operation(desired, a_state("a"), diff) == decision

    @pytest.mark.parametrize(
        ("delete_first", "cloud_default", "result"),
        [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
    )
    def test_lets_the_program_choose_the_order(
        self, delete_first: bool | None, cloud_default: bool, result: bool
    ) -> None:
        diff = ResourceDiff(("name",), {}, ("name",), delete_before_replace=cloud_default)

        assert decide_operation(_desired(delete_first), a_state("a"), diff).delete_first is result

    def test_says_which_paths_the_program_wants_to_replace(self) -> None:
        detailed = {"runtime.name": "update", "runtime.version": "update", "name": "add-replace"}

        assert mark_requested_replacements(["runtime.name", "name"], detailed) == {
            "runtime.name": "update-replace",
            "runtime.version": "update",
            "name": "add-replace",
        }

    def test_updates_an_incompletely_created_resource(self) -> None:
        assert decide_operation(_desired(), a_state("a", init_errors=("x",)), ResourceDiff()) == Decision("update")

    def test_replaces_an_incompletely_created_resource_on_request(self) -> None:
        incomplete = a_state("a", init_errors=("x",))

        assert decide_operation(_desired(replace_on_changes=("*",)), incomplete, ResourceDiff()).op == "replace"
