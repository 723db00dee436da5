"""Tables and buckets of components of functions, on both simulated clouds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.storage.item_tables import table_variable
from semantest_iac.domain.storage.object_stores import bucket_variable
from tests.integration.platform.places import PlatformPlace

_STORES = {"tables": ["orders"], "buckets": ["uploads"]}
_JOB = {"handler": "work.job", "trigger": {"schedule": "0 3 * * *"}}


def _with_stores(component: str) -> dict[str, Any]:
    section = {"source": ".", **_STORES, "functions": {"job": {**_JOB, **_STORES}}}
    return {"components": {component: section}}


def _without(component: str) -> dict[str, Any]:
    return {"components": {component: {"source": ".", "functions": {"job": _JOB}}}}


@pytest.mark.parametrize(
    ("provider", "component"),
    [("aws", "functions"), ("azure", "functions"), ("aws", "etl"), ("azure", "platform")],
)
async def test_come_and_go_without_replacing_anything(provider: str, component: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, component, provider, "development")

    await place.deploy(**_without(component))
    before = await place.list_resources()
    added = await place.deploy(**_with_stores(component))
    functions, rights = await place.find_functions(), "\n".join(await place.list_rights())
    again = await place.preview(refresh=True, **_with_stores(component))
    removed = await place.deploy(**_without(component))

    assert added.changes.create > 0
    assert added.changes.delete == added.changes.replace == 0, [(it.op, it.urn) for it in added.mutations]
    assert all(f"'{it}'" in functions for it in (table_variable("orders"), bucket_variable("uploads")))
    assert len(set(re.findall(r"arn:aws:dynamodb:[^\"]*table-orders[^\"]*|/tables/orders", rights))) == 1
    assert again.is_empty
    assert removed.changes.create == removed.changes.replace == 0
    assert {it.name.split("_")[0] for it in removed.losses} >= {"table-orders", "bucket-uploads"}
    assert await place.list_resources() == before


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_are_private_where_the_network_is(provider: str, tmp_path: Path) -> None:
    """With documents and without: a flag that is turned on or off makes no second way to one service."""
    place = PlatformPlace(tmp_path, "platform", provider, "staging")
    with_stores = _with_stores("platform")

    await place.deploy(**with_stores, features={"enable_cosmos_db": False})
    created = await place.list_resources()
    turned_on = await place.deploy(**with_stores, features={"enable_cosmos_db": True})
    turned_off = await place.deploy(**with_stores, features={"enable_cosmos_db": False})
    endpoints = [name for type_, name in created if type_.endswith((":VpcEndpoint", ":PrivateEndpoint"))]

    expected = {
        "aws": {"endpoint-documents-dynamodb", "endpoint-objects-s3"},
        "azure": {"endpoint-tables-table-orders", "endpoint-objects-bucket-uploads", "endpoint-objects-bucket-staging"},
    }
    assert expected[provider] <= {*endpoints}
    ways = [it for it in (*turned_on.mutations, *turned_off.mutations) if "dynamodb" in it.name]
    assert ways == []
    assert await place.list_resources() == created


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_come_back_in_production_after_they_were_taken_out(provider: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "functions", provider, "production")

    await place.deploy(**_with_stores("functions"))
    removed = await place.deploy(**_without("functions"))
    place.deployment = "a later deployment"
    again = await place.deploy(**_with_stores("functions"))

    kept = {"Table", "Bucket"} if provider == "aws" else {"Table", "StorageAccount", "BlobContainer"}
    for plan in (removed, again):
        stored = [it for it in plan.resources if it.name.startswith(("table-orders", "bucket-uploads"))]
        assert {it.type.rpartition(":")[2] for it in stored if it.op == "same"} >= kept
    assert not removed.losses
