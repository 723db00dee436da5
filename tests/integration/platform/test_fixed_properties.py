"""A plan that changes what a cloud sets for good is refused before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import FixedPropertyError
from tests.integration.platform.places import PlatformPlace

_OTHER_DAYS: dict[str, Any] = {"security": {"soft_delete_days": 21}}


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
