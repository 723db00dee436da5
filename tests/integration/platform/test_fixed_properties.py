"""A plan that changes what a cloud sets for good is refused before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import FixedPropertyError
from tests.integration.platform.places import PlatformPlace
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.layer_sections import layer_values
from tests.pulumi_cli import require_pulumi_cli

_OTHER_DAYS: dict[str, Any] = {"security": {"soft_delete_days": 21}}
_GATEWAY = layer_values("gateway")
_OTHER_TIER: dict[str, Any] = {"tiers": {"api_management": "standard"}}


async def test_days_of_a_vault_are_refused_on_azure_with_the_key_and_the_reason(tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "security", "azure", "development")
    await place.deploy()

    with pytest.raises(FixedPropertyError) as caught:
        await place.preview(**_OTHER_DAYS)

    [fault] = caught.value.faults
    assert (fault.path, "vault keeps the days" in fault.message, bool(fault.hint)) == (
        "security.soft_delete_days",
        True,
        True,
    )
    assert (await place.preview()).is_empty


async def test_days_of_a_vault_are_updated_on_aws(tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "security", "aws", "development")
    await place.deploy()

    plan = await place.deploy(**_OTHER_DAYS)

    assert (plan.changes.update > 0, plan.changes.replace, plan.changes.delete) == (True, 0, 0)
    assert (await place.preview(**_OTHER_DAYS)).is_empty


@pytest.mark.parametrize("engine", ["sandbox", "pulumi"])
async def test_a_gateway_of_another_tier_is_a_new_one(engine: str, tmp_path: Path) -> None:
    """Both engines refuse the other tier; the sandbox shows what comes after."""
    variables = None
    if engine == "pulumi":
        variables = cli_variables()
        require_pulumi_cli(variables)
    place = PlatformPlace(tmp_path, "gateway", "azure", "development", variables)
    await place.deploy(**_GATEWAY)

    with pytest.raises(FixedPropertyError) as caught:
        await place.preview(**_GATEWAY, **_OTHER_TIER)

    [fault] = caught.value.faults
    assert fault.path == "tiers.api_management"
    assert "Developer cannot become StandardV2" in fault.message
    assert "enable_api_management off" in fault.hint
    if engine == "pulumi":
        return
    await place.destroy()
    place.deployment = "another deployment"  # each has its own id, and so its own name for a gateway
    await place.deploy(**_GATEWAY, **_OTHER_TIER)
    assert (await place.preview(**_GATEWAY, **_OTHER_TIER)).is_empty
