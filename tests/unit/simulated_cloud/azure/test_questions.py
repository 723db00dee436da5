"""What programs ask of a subscription."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.simulated_cloud.catalogue import cloud_at
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from tests.unit.simulated_cloud.azure.tokens import APP, TENANT


class TestQuestions:
    def test_name_who_asks(self, cloud: Cloud) -> None:
        answer = cloud.invoke("azure-native:authorization:getClientConfig", {})

        assert (answer["subscriptionId"], answer["tenantId"]) == ("00000000-0000-4000-8000-5e3a17e57002", TENANT)

    def test_give_two_keys_of_an_account(self, cloud: Cloud) -> None:
        args = {"accountName": "stsemantest", "resourceGroupName": "rg-semantest"}

        first, second = cloud.invoke("azure-native:storage:listStorageAccountKeys", args)["keys"]

        assert (first["keyName"], second["keyName"]) == ("key1", "key2")
        assert len({first["value"], second["value"]}) == 2

    def test_give_the_same_keys_again(self, cloud: Cloud) -> None:
        args = {"name": "func-semantest", "resourceGroupName": "rg-semantest"}
        token = "azure-native:web:listWebAppHostKeys"

        assert cloud.invoke(token, args) == cloud.invoke(token, args)


class TestCatalogue:
    def test_knows_azure_by_the_name_of_its_provider(self, inventory: Inventory) -> None:
        assert cloud_at("azure-native", inventory, region="westeurope").supports(APP)

    def test_knows_no_other_name(self, inventory: Inventory) -> None:
        with pytest.raises(KeyError):
            cloud_at("azure", inventory, region="westeurope")
