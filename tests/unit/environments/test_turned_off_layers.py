"""What a layer uses is asked for only while the layer is there: turning off both needs no other change."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from tests.whole_platform import check_whole_platform

_LOWER = ("service_bus", "functions", "sql_database", "redis_cache", "cosmos_db")
_ORDERS, _PRODUCTS = "components.platform.services.orders-api", "components.platform.services.products-api"


def _find_faults(folder: Path, provider: str, *turned_off: str) -> list[str]:
    stack = Stack("platform", provider, "development", "us-east-1" if provider == "aws" else "eastus")
    return check_whole_platform(folder, stack, {f"enable_{name}": False for name in turned_off})[1]


@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestTurnedOffLayers:
    @pytest.mark.parametrize(
        "flags",
        [
            (),
            ("api_management",),
            ("container_apps", "api_management"),
            ("functions", "service_bus", "container_apps", "api_management"),
            (*_LOWER, "container_apps", "api_management", "cdn"),
        ],
    )
    def test_need_nothing(self, tmp_path: Path, provider: str, flags: tuple[str, ...]) -> None:
        assert _find_faults(tmp_path, provider, *flags) == []

    @pytest.mark.parametrize(
        ("flag", "expected"),
        [
            (
                "container_apps",
                [
                    f"components.platform.gateway.apis.{name}.service: services are turned off"
                    for name in ("orders", "products")
                ],
            ),
            (
                "service_bus",
                [
                    f"{_ORDERS}.{key}: messaging is turned off"
                    for key in ("bindings.sends_to", "bindings.receives_from", "scale.queue")
                ],
            ),
            ("redis_cache", [f"{_PRODUCTS}.bindings.cache: the cache is turned off"]),
            ("cosmos_db", [f"{_PRODUCTS}.bindings.documents: the document database is turned off"]),
            (
                "sql_database",
                ["components.platform.services.users-api.bindings.database: the SQL server is turned off"],
            ),
        ],
    )
    def test_are_missed_by_what_is_there(self, tmp_path: Path, provider: str, flag: str, expected: list[str]) -> None:
        assert _find_faults(tmp_path, provider, flag) == expected
