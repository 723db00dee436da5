"""What clouds deploy otherwise than the plan of the platform says is a warning with its reason and source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.infrastructure.clouds.plan.aws_departures import find_aws_departures
from semantest_iac.infrastructure.clouds.plan.azure_departures import find_azure_departures
from semantest_iac.infrastructure.clouds.plan.departures import FindDepartures

FINDERS: Mapping[str, FindDepartures] = {"aws": find_aws_departures, "azure": find_azure_departures}


def resolve(environment: str, **values: Any) -> PlatformSettings:
    settings = resolve_component(DeploymentConfiguration.model_validate(values), "platform", environment).platform
    assert settings is not None
    return settings


def deployed(cloud: str, environment: str, **values: Any) -> dict[str, str]:
    return {it.path: it.deployed for it in FINDERS[cloud](resolve(environment, **values))}


class TestDepartures:
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    @pytest.mark.parametrize("cloud", FINDERS)
    def test_have_a_reason_and_a_source(self, cloud: str, environment: str) -> None:
        found = list(FINDERS[cloud](resolve(environment)))

        assert all(it.reason and it.source and it.planned != it.deployed for it in found)
        assert len({it.path for it in found}) == len(found)


class TestServiceBus:
    @pytest.mark.parametrize(
        ("environment", "tier"), [("dev", "Standard"), ("qa", "Standard"), ("staging", "Premium"), ("prod", "Premium")]
    )
    def test_has_a_tier_that_has_topics_and_private_endpoints(self, environment: str, tier: str) -> None:
        assert deployed("azure", environment)["tiers.service_bus"] == tier

    @pytest.mark.parametrize(
        ("environment", "values"),
        [
            ("dev", {"components": {"platform": {"topics": {}}}}),
            ("dev", {"tiers": {"service_bus": "standard"}}),
            ("prod", {"tiers": {"service_bus": "premium"}}),
            ("prod", {"security": {"private_endpoints": False}}),
        ],
    )
    def test_stays_as_planned_where_that_works(self, environment: str, values: dict[str, Any]) -> None:
        assert "tiers.service_bus" not in deployed("azure", environment, **values)


class TestVault:
    def test_of_aws_keeps_secrets_for_30_days_at_most(self) -> None:
        assert deployed("aws", "prod")["security.soft_delete_days"] == "30 days"
        assert "security.soft_delete_days" not in deployed("aws", "staging")
        assert "security.soft_delete_days" not in deployed("azure", "prod")


class TestProtectionAgainstFloods:
    def test_of_aws_is_that_of_every_account_unless_a_year_is_agreed_to(self) -> None:
        agreed = {"network": {"accept_ddos_commitment": True}}

        assert deployed("aws", "prod")["network.ddos_protection"].startswith("Shield Standard")
        assert "network.ddos_protection" not in deployed("aws", "prod", **agreed)
        assert "network.ddos_protection" not in deployed("azure", "prod")


class TestDailyQuota:
    def test_is_one_of_azure_alone(self) -> None:
        assert "monitoring.daily_quota_gb" in deployed("aws", "dev")
        assert "monitoring.daily_quota_gb" not in deployed("aws", "prod")
        assert "monitoring.daily_quota_gb" not in deployed("azure", "dev")
