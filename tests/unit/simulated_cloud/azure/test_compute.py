"""App Service plans and function apps: what each plan requires and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.app_samples import function_app_config
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import APP, APP_SETTINGS, PLAN, SUBNET, World

Refused = Callable[..., CloudRefusal]

_KEYED = "DefaultEndpointsProtocol=https;AccountName=stsemantest;AccountKey=eA==;EndpointSuffix=core.windows.net"


def _setting(name: str, value: str = "x") -> dict[str, Any]:
    return {"appSettings": [{"name": name, "value": value}]}


class TestFlexConsumption:
    @pytest.mark.parametrize(
        ("site", "place"),
        [
            ({"linuxFxVersion": "NODE|22"}, "site configuration property (Site.SiteConfig.LinuxFxVersion)"),
            (
                _setting("FUNCTIONS_WORKER_RUNTIME"),
                "app setting (Site.SiteConfig.AppSettings.FUNCTIONS_WORKER_RUNTIME)",
            ),
            (_setting("WEBSITE_CONTENTSHARE"), "app setting (Site.SiteConfig.AppSettings.WEBSITE_CONTENTSHARE)"),
        ],
        ids=["property", "setting", "share"],
    )
    def test_refuses_classic_settings(self, site: dict[str, Any], place: str, refused: Refused) -> None:
        refusal = refused(APP, name="func-other", siteConfig=site)

        assert refusal.message == (
            f"The following {place} for Flex Consumption sites is invalid. Please remove or rename it before retrying."
        )

    def test_warns_about_settings_that_some_regions_refuse(self, make: Any) -> None:
        made = make(APP, name="func-other", siteConfig={"netFrameworkVersion": "v4.6"})

        assert "Some regions refuse netFrameworkVersion" in made.warnings[0]

    def test_requires_function_app_config(self, refused: Refused) -> None:
        refusal = refused(APP, name="func-other", functionAppConfig=None)

        assert "The FunctionAppConfig section was not specified in the request" in refusal.message

    def test_refuses_setting_names_that_differ_by_case_only(self, refused: Refused, make: Any) -> None:
        """Source: the answers in github.com/Azure/azure-cli/issues/13673 and azure-pipelines-tasks/issues/14689."""
        named = [{"name": name, "value": "x"} for name in ("MyKey", "Other", "MYKEY")]

        refusal = refused(APP, name="func-other", siteConfig={"appSettings": named})

        assert (refusal.code, refusal.status) == ("Conflict", 409)
        assert refusal.message == "Parameter with name MYKEY already exists."
        assert make(APP, name="func-third", siteConfig={"appSettings": named[:2]}).warnings == ()

    def test_refuses_them_in_a_resource_of_settings_too(self, refused: Refused) -> None:
        refusal = refused(APP_SETTINGS, name="func-semantest", properties={"MyKey": "a", "mykey": "b"})

        assert refusal.message == "Parameter with name mykey already exists."

    def test_refuses_colons_in_setting_names(self, refused: Refused) -> None:
        assert "must not contain ':'" in refused(APP, name="func-other", siteConfig=_setting("a:b")).message

    @pytest.mark.parametrize(
        "scale", [{"instanceMemoryMB": 1024}, {"maximumInstanceCount": 0}, {"maximumInstanceCount": 1001}], ids=str
    )
    def test_limits_sizes(self, scale: dict[str, Any], cloud: SimulatedCloud, world: World) -> None:
        inputs = {**SAMPLES[APP](world), "functionAppConfig": function_app_config(world, **scale)}

        (failure,) = cloud.check(APP, inputs)

        assert failure.property == f"functionAppConfig.scaleAndConcurrency.{next(iter(scale))}"

    def test_warns_about_the_smallest_size(self, make: Any, world: World) -> None:
        made = make(APP, name="func-small", functionAppConfig=function_app_config(world, instanceMemoryMB=512))

        assert made.warnings == ("This region or API version may refuse 512 MB; 2048 MB is accepted everywhere.",)

    def test_refuses_more_ready_instances_than_the_maximum(self, refused: Refused, world: World) -> None:
        ready = [{"name": "http", "instanceCount": 5}]
        config = function_app_config(world, maximumInstanceCount=4, alwaysReady=ready)

        assert "always ready" in refused(APP, name="func-other", functionAppConfig=config).message

    def test_requires_a_delegated_subnet(self, make: Any, refused: Refused) -> None:
        plain = make(SUBNET, subnetName="plain", addressPrefix="10.0.2.0/24", delegations=None)

        refusal = refused(APP, name="func-other", virtualNetworkSubnetId=plain.id)

        assert refusal.message == (
            "Subnet plain in VNET vnet-semantest is missing a delegation to Microsoft.App/environments. "
            "Please add the delegation and try again."
        )

    def test_refuses_an_underscore_in_a_subnet_name(self, make: Any, refused: Refused) -> None:
        subnet = make(SUBNET, subnetName="a_b", addressPrefix="10.0.2.0/24")

        assert "underscores" in refused(APP, name="func-other", virtualNetworkSubnetId=subnet.id).message

    def test_warns_about_a_missing_package_container(self, make: Any, world: World) -> None:
        config = function_app_config(world)
        config["deployment"]["storage"]["value"] = "https://stsemantest.blob.core.windows.net/none"

        assert "does not exist" in make(APP, name="func-other", functionAppConfig=config).warnings[0]

    def test_warns_about_a_shared_host_id(self, make: Any) -> None:
        long = "func-semantest-with-a-name-of-more-than-32"
        make(APP, name=f"{long}-one")

        assert "one host id" in make(APP, name=f"{long}-two").warnings[0]

    def test_warns_about_credentials_for_every_origin(self, make: Any) -> None:
        cors = {"cors": {"allowedOrigins": ["*"], "supportCredentials": True}}

        made = make(APP, name="func-other", siteConfig=cors)

        assert made.warnings == ("Browsers refuse credentials where every origin is allowed.",)

    def test_requires_zone_redundant_storage_for_a_zone_redundant_plan(self, make: Any, refused: Refused) -> None:
        plan = make(PLAN, name="plan-zones", zoneRedundant=True)

        assert "zone redundant storage" in refused(APP, name="func-other", serverFarmId=plan.id).message


class TestOtherPlans:
    def test_require_key_access_for_a_file_share(self, make: Any, refused: Refused) -> None:
        plan = make(PLAN, name="plan-premium", sku={"name": "EP1", "tier": "ElasticPremium"})

        refusal = refused(
            APP,
            name="func-other",
            serverFarmId=plan.id,
            functionAppConfig=None,
            virtualNetworkSubnetId=None,
            siteConfig=_setting("WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", _KEYED),
        )

        assert refusal.message.startswith("Creation of storage file share failed with")

    def test_require_another_delegation(self, make: Any, refused: Refused) -> None:
        plan = make(PLAN, name="plan-premium", sku={"name": "EP1", "tier": "ElasticPremium"})

        refusal = refused(APP, name="func-other", serverFarmId=plan.id, functionAppConfig=None)

        assert "Microsoft.Web/serverFarms" in refusal.message

    def test_warn_about_linux_consumption(self, make: Any) -> None:
        plan = make(PLAN, name="plan-y1", sku={"name": "Y1", "tier": "Dynamic"})

        assert "retires on 2028-09-30" in plan.warnings[0]

    def test_of_consumption_refuse_a_network(self, make: Any, refused: Refused) -> None:
        plan = make(PLAN, name="plan-y1", sku={"name": "Y1", "tier": "Dynamic"})

        refusal = refused(APP, name="func-other", serverFarmId=plan.id, functionAppConfig=None)

        assert refusal.message == "Consumption plans have no virtual network integration."


class TestPlans:
    def test_cannot_be_deleted_while_an_app_uses_them(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal) as caught:
            cloud.delete(PLAN, world[PLAN].id)

        assert caught.value.message == (
            f"Server farm 'plan-semantest' cannot be deleted because it has web app(s) {world[APP].id} assigned to it."
        )

    def test_cannot_become_flex_consumption_in_place(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = {**SAMPLES[PLAN](world), "sku": {"name": "EP1", "tier": "ElasticPremium"}}

        with pytest.raises(CloudRefusal, match="to or from Flex Consumption"):
            cloud.update(PLAN, world[PLAN].id, inputs)


class TestHostNames:
    def test_contain_the_name_of_the_app(self, world: World) -> None:
        assert world[APP].outputs["defaultHostName"] == "func-semantest.azurewebsites.net"

    def test_contain_digits_and_region_on_request(self, make: Any) -> None:
        made = make(APP, name="func-other", autoGeneratedDomainNameLabelScope="TenantReuse")

        name, _, rest = made.outputs["defaultHostName"].partition(".")
        assert (name.rpartition("-")[0], rest) == ("func-other", "westeurope-01.azurewebsites.net")
