"""An API with queues and topics of its own, which every function of it may use, on both simulated clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.messaging.queues import send_variable
from semantest_iac.domain.security.access import FunctionIdentity
from tests.integration.platform.places import PlatformPlace

_RESOURCES = {"queues": {"jobs": {}}, "topics": {"news": {"subscriptions": {"audit": {}}}}}
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
        assert all({"queue-jobs", "topic-news"} <= {*it.uses} for it in users)
        assert {"queue_jobs_address", "topic_news_address"} <= {*blueprint.outputs}


@pytest.mark.parametrize("provider", ["aws", "azure"])
async def test_functions_know_where_to_send(provider: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path, "rest-api", provider, "development")

    await place.deploy(components={"rest-api": {"resources": _RESOURCES}})

    functions = await place.find_functions()
    assert all(f"'{send_variable(name)}'" in functions for name in ("jobs", "news"))
