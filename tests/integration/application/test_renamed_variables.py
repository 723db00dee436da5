"""A variable in the path of a route that gets another name: the route is updated in place.

Sources: HTTP APIs answer a second route with "has a conflicting variable on the same hierarchical level as"
(github.com/serverless/serverless/issues/3785), and a new resource is created before the old one is deleted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE, SIMULATED_CLOUD, EngineChoice
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

STACKS = [Stack("rest-api", "aws", "staging", "us-east-1"), Stack("rest-api", "azure", "staging", "eastus")]


@pytest.mark.parametrize("stack", STACKS, ids=["aws", "azure"])
async def test_is_an_update(stack: Stack, home: Path) -> None:
    application = Application(home, probe=FakeServiceProbe(ControlPoints()))
    use_cases = application.deployments({}, engine=EngineChoice(SANDBOX_ENGINE, SIMULATED_CLOUD))
    rows = []
    for path in ("/items/{id}", "/items/{item_id}", "/items/{item_id}/{rest+}"):
        routes = [{"path": path, "methods": ["GET"]}, {"path": "/items", "methods": ["GET"]}]
        rows.append(await use_cases.deploy(stack, {"components": {"rest-api": {"routes": routes}}}))

    renamed = rows[1].changes
    assert [(row.state, row.error) for row in rows] == [("completed", None)] * 3
    assert (renamed["create"], renamed["replace"], renamed["delete"], renamed["update"] > 0) == (0, 0, 0, True)
