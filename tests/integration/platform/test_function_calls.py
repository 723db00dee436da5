"""Functions that call each other are deployed, planned again, and come and go, on both clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.triggers import call_variable
from tests.integration.platform.places import PlatformPlace
from tests.integration.platform.shared_platforms import CLOUDS, pair_environments
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.pulumi_cli import require_pulumi_cli

_TICK = {"handler": "app.tick", "trigger": {"schedule": "0 3 * * *"}}
_ANSWERS = {"handler": "app.handler", "trigger": {"http": "internal"}}
_CALLING = {"nightly": {**_TICK, "calls": ["list-prices", "taxes"]}, "list-prices": _ANSWERS, "taxes": _ANSWERS}
_APP, _ENDPOINT = "azure-native:web:WebApp", "azure-native:network:PrivateEndpoint"


def _write(component: str, functions: Any = _CALLING) -> dict[str, Any]:
    return {"components": {component: {"source": ".", "functions": functions}}}


async def _find_app(place: PlatformPlace) -> Any:
    (app,) = [it for it in await place.read_resources() if it.type == _APP]
    return app


def _read_settings(app: Any) -> dict[str, str]:
    return {it["name"]: it["value"] for it in app.inputs["siteConfig"]["appSettings"]}


@pytest.mark.parametrize(("provider", "environment"), pair_environments(0))
async def test_the_platform_has_them_and_loses_them_again(provider: str, environment: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "platform", provider, environment)
    alone = _write("platform", {"nightly": _TICK})

    await place.deploy(**alone)
    before = await place.list_resources()
    added = await place.deploy(**_write("platform"))
    again = await place.preview(refresh=True, **_write("platform"))
    removed = await place.deploy(**alone)

    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    assert added.changes.delete == added.changes.replace == 0, [(it.op, it.urn) for it in added.mutations]
    assert removed.changes.create == removed.changes.replace == 0
    assert await place.list_resources() == before


@pytest.mark.parametrize("component", ["functions", "etl"])
@pytest.mark.parametrize("provider", CLOUDS)
async def test_layers_have_them_alone(provider: str, component: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, component, provider, "development")

    await place.deploy(**_write(component))

    assert (await place.preview(refresh=True, **_write(component))).is_empty
    functions = await place.find_functions()
    assert all(f"'{call_variable(name)}'" in functions for name in ("list-prices", "taxes"))


class TestAzure:
    async def test_the_app_knows_its_own_address_and_identity(self, tmp_path: Path) -> None:
        place = PlatformPlace(tmp_path, "functions", "azure", "development")

        await place.deploy(**_write("functions"))

        app, found = await _find_app(place), {it.name: it for it in await place.read_resources()}
        settings = _read_settings(app)
        address = f"https://{app.outputs['defaultHostName']}/api/list-prices"
        assert settings["SEMANTEST_CALL_LIST_PRICES"] == address
        assert settings["SEMANTEST_CALLER_PRINCIPAL"] == found["identity"].outputs["principalId"]
        assert settings["SEMANTEST_CALLER_TENANT"] == found["identity"].outputs["tenantId"]
        assert '{"function":"list-prices","http":"internal"}' in settings["SEMANTEST_TRIGGERS"]

    @pytest.mark.parametrize(("environment", "action"), [("development", "Allow"), ("staging", "Deny")])
    async def test_a_private_network_closes_the_address_but_that_of_the_tools(
        self, environment: str, action: str, tmp_path: Path
    ) -> None:
        place = PlatformPlace(tmp_path, "platform", "azure", environment)

        await place.deploy(**_write("platform"))

        app = await _find_app(place)
        endpoints = [it.inputs for it in await place.read_resources() if it.type == _ENDPOINT]
        targets = [it["privateLinkServiceConnections"][0] for it in endpoints]
        ways = [it["groupIds"] for it in targets if it["privateLinkServiceId"] == app.id]
        config = app.inputs["siteConfig"]
        assert ways == ([["sites"]] if action == "Deny" else [])
        assert app.inputs["publicNetworkAccess"] == "Enabled"
        assert config["ipSecurityRestrictionsDefaultAction"] == action
        assert config["scmIpSecurityRestrictionsDefaultAction"] == "Allow"
        assert config["scmIpSecurityRestrictionsUseMain"] is False

    async def test_an_app_that_nobody_calls_refuses_requests_but_to_its_tools(self, tmp_path: Path) -> None:
        place = PlatformPlace(tmp_path, "functions", "azure", "development")

        await place.deploy(**_write("functions", {"nightly": _TICK}))

        app = await _find_app(place)
        assert "publicNetworkAccess" not in app.inputs
        assert app.inputs["siteConfig"]["ipSecurityRestrictionsDefaultAction"] == "Deny"
        assert app.inputs["siteConfig"]["scmIpSecurityRestrictionsDefaultAction"] == "Allow"
        assert not any(name.startswith("SEMANTEST_CALL") for name in _read_settings(app))


@pytest.mark.parametrize("provider", CLOUDS)
async def test_both_engines_deploy_the_same(provider: str, tmp_path: Path) -> None:
    variables = cli_variables()
    require_pulumi_cli(variables)
    sandbox = PlatformPlace(tmp_path / "sandbox", "functions", provider, "development")
    pulumi = PlatformPlace(tmp_path / "pulumi", "functions", provider, "development", variables)

    ours, theirs = await sandbox.deploy(**_write("functions")), await pulumi.deploy(**_write("functions"))

    assert (ours.changes, await sandbox.list_resources()) == (theirs.changes, await pulumi.list_resources())
    assert (await pulumi.preview(refresh=True, **_write("functions"))).is_empty
    await sandbox.destroy()
    await pulumi.destroy()
    assert sandbox.list_cloud() == pulumi.list_cloud() == []
