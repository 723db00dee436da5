"""Two projects in one account and one home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.application.intake.deployment_specs import resolve_stack
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

QUIET = {"monitoring": {"enabled": False}, "features": {"access_logs": False}}
LOCATIONS = {"aws": "us-east-1", "azure": "eastus"}


@pytest.fixture
def application(home: Path) -> Application:
    return Application(home, probe=FakeServiceProbe(ControlPoints()))


@pytest.fixture
def use_cases(application: Application) -> DeploymentUseCase:
    return application.deployments({})


@pytest.mark.parametrize("provider", LOCATIONS)
async def test_never_share_a_resource(use_cases: DeploymentUseCase, provider: str) -> None:
    first = Stack("rest-api", provider, "development", LOCATIONS[provider])
    second = replace(first, project="shop")

    rows = [await use_cases.deploy(stack, QUIET) for stack in (first, second)]
    destroyed = await use_cases.destroy(first)
    left = await use_cases.deploy(second, QUIET)

    assert [row.error for row in (*rows, destroyed)] == [None, None, None]
    assert rows[0].changes == rows[1].changes
    names = [{row.outputs[name] for name in row.outputs if name != "function_version"} for row in rows]
    assert names[0].isdisjoint(names[1])
    assert rows[1].outputs["function_name"].startswith("shop-rest-api-dev-")
    assert left.changes["same"] == rows[1].changes["create"]


async def test_share_the_settings_of_the_account(application: Application, use_cases: DeploymentUseCase) -> None:
    loaded = [application.configuration(environ={}, values={"project": name}) for name in ("semantest", "shop")]
    stacks = [resolve_stack("account", each, application.providers) for each in loaded]

    rows = [await use_cases.deploy(stack, {}) for stack in stacks]

    assert stacks[0] == stacks[1]
    assert rows[1].changes["same"] == rows[0].changes["create"] > 0
