"""Which changes of a property count as one that a cloud refuses."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, PlannedOperation
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.errors import FixedPropertyError
from semantest_iac.infrastructure.cloud_programs.fixed_properties import FixedProperty, refuse_fixed_changes

FIXED = {
    "a:Vault": (FixedProperty("days", "security.days", "it keeps them"),),
    "a:Bus": (FixedProperty("sku.name", "tiers.bus", "it has one", related=("First", "Second")),),
}


def plan_of(type_: str, path: str, old: Any, new: Any, op: PlannedOperation = "update") -> ChangePlan:
    return ChangePlan((PlannedChange(f"urn {type_}", type_, "one", op, (PropertyChange(path, old, new),)),))


class TestFixedProperties:
    @pytest.mark.parametrize(
        "plan",
        [
            plan_of("a:Vault", "days", 90, 30),
            plan_of("a:Bus", "sku.name", "Standard", "Premium"),
            plan_of("a:Bus", "sku.name", "Standard", "First"),
        ],
    )
    def test_are_refused(self, plan: ChangePlan) -> None:
        with pytest.raises(FixedPropertyError) as caught:
            refuse_fixed_changes(plan, FIXED)

        assert len(caught.value.faults) == 1

    @pytest.mark.parametrize(
        "plan",
        [
            plan_of("a:Vault", "days", 90, 30, "replace"),
            plan_of("a:Vault", "tags.days", 90, 30),
            plan_of("a:Vault", "days", None, 30),
            plan_of("a:Vault", "days", 90, None),
            plan_of("a:Bus", "sku.name", "First", "Second"),
            plan_of("a:Other", "days", 90, 30),
        ],
    )
    def test_may_change_where_the_cloud_allows_it(self, plan: ChangePlan) -> None:
        refuse_fixed_changes(plan, FIXED)

    def test_all_are_named_at_once(self) -> None:
        both = (*plan_of("a:Vault", "days", 90, 30).resources, *plan_of("a:Bus", "sku.name", "Premium", "x").resources)

        with pytest.raises(FixedPropertyError) as caught:
            refuse_fixed_changes(ChangePlan(both), FIXED)

        assert [fault.path for fault in caught.value.faults] == ["security.days", "tiers.bus"]

    def test_are_left_to_the_cloud_where_the_value_is_not_known_yet(self) -> None:
        unknown = PropertyChange("days", 90, "(known after deploy)", is_computed=True)

        refuse_fixed_changes(ChangePlan((PlannedChange("urn", "a:Vault", "one", "update", (unknown,)),)), FIXED)
