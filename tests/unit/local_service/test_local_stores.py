"""Servers of stores start with the first stack that needs one, and what is missing is said once."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.stores.local_stores import LocalStores

_STACK = Stack("rest-api", "azure", "development", "eastus")


async def test_no_server_starts_without_a_store(tmp_path: Path) -> None:
    reports: list[str] = []
    async with LocalStores(tmp_path / "home", lambda _stack, _seconds, reason: reports.append(reason)) as stores:
        function = DeployedResource("aws:lambda/function:Function", "f", {"environment": {"variables": {"A": "1"}}})

        assert await stores.find_variables(Stack("rest-api", "aws", "development", "us-east-1"), [function]) == {}
        assert await stores.find_variables(_STACK, []) == {}

    assert reports == []
    assert not (tmp_path / "home").exists()
