from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from semantest_iac.domain.deployment.change_plan import (
    ChangePlan,
    PlannedChange,
    combine_plans,
    count_operations,
    trace_causes,
)
from semantest_iac.domain.deployment.property_changes import ChangeSource, PropertyChange
from semantest_iac_events.values import ChangeCounts


def a_change(name: str, op: Literal["create", "update", "replace", "delete", "same"]) -> PlannedChange:
    return PlannedChange(urn=f"urn:{name}", type="t", name=name, op=op)


class TestChangePlan:
    def test_is_empty_when_everything_stays_the_same(self) -> None:
        plan = ChangePlan((a_change("a", "same"), a_change("b", "same")))

        assert (plan.is_empty, plan.changes, plan.mutations) == (True, ChangeCounts(same=2), ())

    def test_is_not_empty_while_code_is_missing(self) -> None:
        plan = ChangePlan((a_change("a", "same"),), lacks_code=True)

        assert (plan.is_empty, plan.verdict, plan.changes.is_empty) == (False, "safe", True)

    def test_counts_everything_and_lists_what_changes_in_order(self) -> None:
        plan = ChangePlan((a_change("a", "replace"), a_change("b", "same"), a_change("c", "create")))

        assert plan.changes == ChangeCounts(replace=1, same=1, create=1)
        assert [change.name for change in plan.mutations] == ["a", "c"]

    def test_lists_what_is_lost_by_name(self) -> None:
        changes = [replace(a_change(name, "delete"), loses="its items") for name in ("b", "a")]

        assert [change.name for change in ChangePlan((*changes, a_change("c", "delete"))).losses] == ["a", "b"]


class TestTraceCauses:
    def test_names_the_changing_sources_of_a_property(self) -> None:
        changed = ("code", "role", "tags.team", "vpcConfig.subnetIds[0]")
        properties = tuple(
            PropertyChange(path, "a", "b", replaces=path != "tags.team", is_computed="subnet" in path)
            for path in changed
        )
        alias = replace(a_change("alias", "replace"), properties=properties)
        origins = {"urn:alias": {"code": [], "vpcConfig": ["urn:subnet", "urn:still"], "role": ["urn:still"]}}

        plan = trace_causes([a_change("subnet", "replace"), a_change("still", "same"), alias], origins)

        assert plan.resources[-1].why == ("code", "role", "vpcConfig (subnet)")
        assert plan.resources[-1].properties[-1].sources == (ChangeSource("subnet", "replace"),)

    def test_names_no_source_of_a_known_leaf(self) -> None:
        """The source of an object may be that of its other leaves."""
        leaf = PropertyChange("environment.variables.LEVEL", "info", "debug")
        function = replace(a_change("function", "update"), properties=(leaf,))

        plan = trace_causes([a_change("table", "create"), function], {"urn:function": {"environment": ["urn:table"]}})

        assert plan.resources[-1].properties == (leaf,)


class TestCombinePlans:
    def test_has_the_changes_of_both_runs_and_each_resource_once(self) -> None:
        first = ChangePlan((a_change("app", "create"), a_change("hub", "same"), a_change("old", "delete")))
        then = ChangePlan((a_change("app", "update"), a_change("hub", "update"), a_change("new", "create")))

        told = {change.name: change.op for change in combine_plans(first, then).resources}
        assert told == {"app": "create", "hub": "update", "new": "create", "old": "delete"}


class TestCountOperations:
    def test_counts_operations_by_name(self) -> None:
        assert count_operations(["delete", "create", "delete"]) == ChangeCounts(delete=2, create=1)


class TestMovedVersions:
    """A plan that only makes a published version receive requests, beside the one that publishes the code anew."""

    PACKAGE = PropertyChange("code", "1a", "2b", is_package=True)
    FUNCTION = PlannedChange("urn:function", "f:F", "function", "update", (PACKAGE,))
    FOLLOWING = PropertyChange("functionVersion", "1", is_computed=True, sources=(ChangeSource("function", "update"),))
    ALIAS = PlannedChange("urn:live", "a:A", "live", "update", (FOLLOWING,))
    ALARM = PlannedChange("urn:alarm", "m:M", "alarm", "update", (PropertyChange("threshold", 1, 2),))

    @pytest.mark.parametrize(
        ("moved", "ordinary", "is_enough"),
        [
            ((ALIAS,), (FUNCTION, ALIAS), True),
            ((), (FUNCTION, ALIAS), True),
            ((ALIAS, FUNCTION), (FUNCTION, ALIAS), False),
            ((ALIAS, ALARM), (FUNCTION, ALIAS, ALARM), False),
            ((replace(ALIAS, op="replace"),), (FUNCTION, ALIAS), False),
            ((ALIAS,), (ALIAS,), False),
        ],
    )
    def test_are_all_that_changes(
        self, moved: tuple[PlannedChange, ...], ordinary: tuple[PlannedChange, ...], is_enough: bool
    ) -> None:
        assert ChangePlan(moved).only_moves_versions(ChangePlan(ordinary)) is is_enough
