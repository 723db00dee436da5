from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.validation import find_region_fault
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.clouds.built_in import AWS, AZURE, CLOUD_ENTRIES, REGION_PAIRS


class TestRegionFault:
    @pytest.mark.parametrize(("aws", "azure"), REGION_PAIRS.items())
    def test_names_the_counterpart_in_the_other_cloud(self, aws: str, azure: str) -> None:
        assert find_region_fault(aws, AZURE) == Fault("region", f"'{aws}' is not a region of azure", f"Use '{azure}'.")
        assert find_region_fault(azure, AWS) == Fault("region", f"'{azure}' is not a region of aws", f"Use '{aws}'.")

    def test_names_the_nearest_when_mistyped(self) -> None:
        assert find_region_fault("us-east-11", AWS) == Fault(
            "region", "'us-east-11' is not a region of aws", "Use 'us-east-1'."
        )

    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_is_none_for_every_region_of_the_cloud(self, provider: str) -> None:
        cloud = CLOUD_ENTRIES[provider]

        assert [region for region in cloud.regions if find_region_fault(region, cloud)] == []

    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_knows_every_counterpart(self, provider: str) -> None:
        cloud = CLOUD_ENTRIES[provider]

        assert set(cloud.region_counterparts.values()) <= set(cloud.regions)
