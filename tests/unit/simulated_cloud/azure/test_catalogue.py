"""The data sources of a subscription, and how a cloud is opened."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from tests.unit.simulated_cloud.azure.tokens import APP, TENANT


class TestDataSources:
    def test_report_subscription_and_tenant(self, cloud: SimulatedCloud) -> None:
        answer = cloud.invoke("azure-native:authorization:getClientConfig", {})

        assert (answer["subscriptionId"], answer["tenantId"]) == ("00000000-0000-4000-8000-5e3a17e57002", TENANT)

    def test_return_two_keys_of_an_account(self, cloud: SimulatedCloud) -> None:
        args = {"accountName": "stsemantest", "resourceGroupName": "rg-semantest"}

        first, second = cloud.invoke("azure-native:storage:listStorageAccountKeys", args)["keys"]

        assert (first["keyName"], second["keyName"]) == ("key1", "key2")
        assert len({first["value"], second["value"]}) == 2

    def test_return_the_same_keys_again(self, cloud: SimulatedCloud) -> None:
        args = {"name": "func-semantest", "resourceGroupName": "rg-semantest"}
        token = "azure-native:web:listWebAppHostKeys"

        assert cloud.invoke(token, args) == cloud.invoke(token, args)


class TestCatalogue:
    def test_opens_azure_by_the_name_of_its_provider(self, inventory: Inventory) -> None:
        assert open_simulated_cloud("azure-native", inventory, region="westeurope").supports(APP)

    def test_raises_for_another_name(self, inventory: Inventory) -> None:
        with pytest.raises(KeyError):
            open_simulated_cloud("azure", inventory, region="westeurope")
