from __future__ import annotations

import pytest

from semantest_iac.domain.environments.providers import (
    AWS_REGIONS,
    AZURE_REGIONS,
    DEFAULT_REGIONS,
    REGION_PAIRS,
    REGIONS,
    find_region_fault,
    normalise_region,
)
from semantest_iac.domain.errors import Fault


class TestNormalised:
    @pytest.mark.parametrize(
        ("provider", "written", "region"),
        [("azure", "West US 2", "westus2"), ("aws", "US-EAST-1", "us-east-1"), ("azure", "eastus", "eastus")],
    )
    def test_is_the_form_of_the_provider(self, provider: str, written: str, region: str) -> None:
        assert normalise_region(provider, written) == region


class TestRegionFault:
    @pytest.mark.parametrize(("aws", "azure"), REGION_PAIRS.items())
    def test_names_the_counterpart_in_the_other_cloud(self, aws: str, azure: str) -> None:
        assert find_region_fault("azure", aws, AZURE_REGIONS) == Fault(
            "region", f"'{aws}' is not an Azure region", f"Use '{azure}'."
        )
        assert find_region_fault("aws", azure, AWS_REGIONS) == Fault(
            "region", f"'{azure}' is not an AWS region", f"Use '{aws}'."
        )

    def test_names_the_nearest_when_mistyped(self) -> None:
        assert find_region_fault("aws", "us-east-11", AWS_REGIONS) == Fault(
            "region", "'us-east-11' is not an AWS region", "Use 'us-east-1'."
        )

    @pytest.mark.parametrize("provider", REGIONS)
    def test_is_none_for_every_region_of_the_table(self, provider: str) -> None:
        assert [region for region in REGIONS[provider] if find_region_fault(provider, region, REGIONS[provider])] == []

    def test_knows_both_halves_of_every_pair_and_default(self) -> None:
        assert set(REGION_PAIRS) <= set(REGIONS["aws"])
        assert set(REGION_PAIRS.values()) <= set(REGIONS["azure"])
        assert all(region in REGIONS[provider] for provider, region in DEFAULT_REGIONS.items())
