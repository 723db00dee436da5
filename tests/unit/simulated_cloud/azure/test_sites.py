"""What Static Web Apps, Front Door and DNS refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.sites.front_doors import (
    FRONT_FIREWALL_TYPE,
    FRONT_ROUTE_TYPE,
    ORIGIN_GROUP_TYPE,
    PROFILE_TYPE,
    SECURITY_POLICY_TYPE,
)
from semantest_iac.infrastructure.simulated_cloud.azure.sites.static_sites import PUBLIC_RECORD_TYPE, STATIC_SITE_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.azure.samples import SAMPLES

_STANDARD = {"name": "Standard_AzureFrontDoor"}
_MANAGED = {"managedRuleSets": [{"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1"}]}
Refused = Callable[..., CloudRefusal]
Make = Callable[..., CreatedResource]


class TestRefusals:
    @pytest.mark.parametrize(
        ("type_", "changes"),
        [
            (STATIC_SITE_TYPE, {"location": "westus"}),
            (PROFILE_TYPE, {"sku": {"name": "Standard_Microsoft"}}),
            (FRONT_FIREWALL_TYPE, {"policyName": "another-one"}),
        ],
        ids=["region", "plan", "name of a firewall"],
    )
    def test_are_of_values_that_azure_does_not_take(
        self, cloud: SimulatedCloud, world: dict[str, CreatedResource], type_: str, changes: dict[str, Any]
    ) -> None:
        assert [it for it in cloud.check(type_, {**SAMPLES[type_](world), **changes}) if not it.warning]

    @pytest.mark.parametrize(
        ("type_", "changes"),
        [
            (FRONT_FIREWALL_TYPE, {"policyName": "another", "sku": _STANDARD, "managedRules": _MANAGED}),
            (PUBLIC_RECORD_TYPE, {"recordType": "CNAME", "relativeRecordSetName": "@", "txtRecords": None}),
        ],
        ids=["managed rules", "apex"],
    )
    def test_are_those_of_azure(self, refused: Refused, type_: str, changes: dict[str, Any]) -> None:
        assert refused(type_, **changes).status in (400, 409)

    def test_a_firewall_has_the_plan_of_its_profile(self, refused: Refused, make: Make) -> None:
        firewall = make(FRONT_FIREWALL_TYPE, policyName="standard", sku=_STANDARD)
        parameters = {"type": "WebApplicationFirewall", "wafPolicy": {"id": firewall.id}, "associations": []}

        refusal = refused(SECURITY_POLICY_TYPE, securityPolicyName="another", parameters=parameters)

        assert "SKU" in refusal.message

    def test_a_route_has_origins(self, refused: Refused, make: Make) -> None:
        group = make(ORIGIN_GROUP_TYPE, originGroupName="empty")

        assert "origin" in refused(FRONT_ROUTE_TYPE, routeName="another", originGroup={"id": group.id}).message
