"""An API with queues, topics and tables of its own, which every function of it may use, on both simulated clouds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.messaging.queues import send_variable
from semantest_iac.domain.security.access import FunctionIdentity
from semantest_iac.domain.storage.item_tables import table_variable
from semantest_iac.domain.storage.object_stores import bucket_variable
from tests.integration.platform.places import PlatformPlace

_RESOURCES = {
    "queues": {"jobs": {}},
    "topics": {"news": {"subscriptions": {"audit": {}}}},
    "tables": ["orders", "order-lines"],
    "buckets": ["uploads"],
}
_SEVERAL = {
    "source": ".",
    "routes": [{"path": "/a", "function": "one"}, {"path": "/b", "function": "two"}],
    "functions": {"one": {"handler": "a.b"}, "two": {"handler": "a.c"}},
}
_VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "one function": ("rest-api", {}),
    "several functions": ("rest-api", _SEVERAL),
    "websocket": ("websocket", {"environment": {"AUTHENTICATION_REQUIRED": "false"}}),
}


@pytest.mark.parametrize("variant", _VARIANTS)
@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestUsedResources:
    async def test_come_and_go_without_replacing_anything(self, provider: str, variant: str, tmp_path: Path) -> None:
        component, section = _VARIANTS[variant]
        place = PlatformPlace(tmp_path, component, provider, "development")
        with_resources = {"components": {component: {**section, "resources": _RESOURCES}}}

        await place.deploy(components={component: section})
        before = await place.list_resources()
        added = await place.deploy(**with_resources)
        again = await place.preview(refresh=True, **with_resources)
        removed = await place.deploy(components={component: section})

        assert added.changes.create > 0
        assert added.changes.delete == added.changes.replace == 0, [(it.op, it.urn) for it in added.mutations]
        assert again.is_empty
        assert removed.changes.create == removed.changes.replace == 0
        assert await place.list_resources() == before

    async def test_are_used_by_every_function(self, provider: str, variant: str, tmp_path: Path) -> None:
        component, section = _VARIANTS[variant]
        place = PlatformPlace(tmp_path, component, provider, "development")

        blueprint = place.work(components={component: {**section, "resources": _RESOURCES}}).blueprint

        users = [it for it in blueprint.resources if isinstance(it, ServerlessFunction | FunctionIdentity)]
        assert len(users) == (4 if variant == "several functions" else 2)
        assert all({"queue-jobs", "topic-news", "table-orders", "bucket-uploads"} <= {*it.uses} for it in users)
        outputs = {"queue_jobs_address", "topic_news_address", "table_order_lines_address", "bucket_uploads_address"}
        assert outputs <= {*blueprint.outputs}


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_functions_know_where_things_are(provider: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "rest-api", provider, "development")

    await place.deploy(components={"rest-api": {"resources": _RESOURCES}})

    functions = await place.find_functions()
    assert all(f"'{send_variable(name)}'" in functions for name in ("jobs", "news"))
    assert all(f"'{table_variable(name)}'" in functions for name in ("orders", "order-lines"))
    assert f"'{bucket_variable('uploads')}'" in functions
    assert ("'AZURE_CLIENT_ID'" in functions) is (provider == "azure")


@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestStores:
    async def test_give_each_function_rights_on_themselves_alone(self, provider: str, tmp_path: Path) -> None:
        place = PlatformPlace(tmp_path, "rest-api", provider, "development")

        await place.deploy(components={"rest-api": {"resources": {"tables": ["orders"]}}})

        rights = "\n".join(await place.list_rights())
        scopes = re.findall(r"arn:aws:dynamodb:[^\"]*|/subscriptions/[^']*/tables/[^']*", rights)
        assert len(scopes) == 1
        assert re.search(r"(:table/[\w-]*table-orders[\w-]*|/tables/orders)$", scopes[0])

    async def test_come_back_in_production_after_they_were_taken_out(self, provider: str, tmp_path: Path) -> None:
        """What holds items stays in the stack, so that one of the same name that is added later has them."""
        place = PlatformPlace(tmp_path, "rest-api", provider, "production")
        stores = {"tables": ["orders"], "buckets": ["uploads"]}
        with_stores: dict[str, Any] = {"components": {"rest-api": {"resources": stores}}}

        await place.deploy(**with_stores)
        removed = await place.deploy(components={"rest-api": {}})
        place.deployment = "a later deployment"
        again = await place.deploy(**with_stores)

        kept = {"Table", "Bucket"} if provider == "aws" else {"Table", "StorageAccount", "BlobContainer"}
        for plan in (removed, again):
            stored = [it for it in plan.resources if it.name.startswith(("table-orders", "bucket-uploads"))]
            assert {it.type.rpartition(":")[2] for it in stored if it.op == "same"} >= kept
        assert not removed.losses

    async def test_go_with_their_items_elsewhere(self, provider: str, tmp_path: Path) -> None:
        place = PlatformPlace(tmp_path, "rest-api", provider, "development")
        with_table: dict[str, Any] = {"components": {"rest-api": {"resources": {"tables": ["orders"]}}}}

        await place.deploy(**with_table)
        removed = await place.preview(components={"rest-api": {}})

        assert [it.loses for it in removed.losses] == ["its items" if provider == "aws" else "its entities"]
