"""Which handler carries out a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.application import REST, InMemoryApp


class TestHandlers:
    @pytest.mark.parametrize("component", ["rest-api", "websocket", "account"])
    async def test_leave_other_components_to_their_own_handlers(self, app: InMemoryApp, component: str) -> None:
        await app.deploy(replace(REST, component=component), **_section(component))

        assert app.recorded.count("deployment.started") == 1
        assert app.recorded[-1] == "deployment.completed"

    async def test_destroy_a_stack_of_any_component(self, app: InMemoryApp) -> None:
        await app.use_cases.destroy(replace(REST, component="account"))

        assert app.recorded[-1] == "removed"


def _section(component: str) -> dict[str, object]:
    return {"environment": {"AUTHENTICATION_REQUIRED": "false"}} if component == "websocket" else {}
