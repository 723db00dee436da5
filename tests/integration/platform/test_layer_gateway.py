"""What the parts of a deployed gateway become when their settings change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.platform.places import PlatformPlace


def _write(product: str) -> dict[str, Any]:
    gateway = {
        "apis": {"orders": {"url": "https://orders.example.org"}},
        "products": {"standard": {"apis": ["orders"]}, "gold": {"apis": ["orders"]}},
        "subscriptions": {"web": {"product": product}},
    }
    return {"components": {"gateway": {"gateway": gateway}}}


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_a_subscription_moves_to_another_product_and_back_with_its_key(provider: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "gateway", provider, "development")
    await place.deploy(**_write("standard"))

    for product in ("gold", "standard"):
        moved = await place.deploy(**_write(product))

        [change] = moved.mutations
        kind = change.urn.rpartition("$")[2].partition("::")[0].rpartition(":")[2]
        assert kind in ("UsagePlanKey", "Subscription")  # the key itself stays
