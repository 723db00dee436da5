"""Warm and maximal instances that are lowered or raised together: each cloud takes them in an order of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE, SIMULATED_CLOUD, EngineChoice
from tests.pulumi_cli import require_pulumi_cli

STACKS = {"aws": Stack("rest-api", "aws", "development", "us-east-1")}
STACKS["azure"] = Stack("rest-api", "azure", "development", "eastus")


@pytest.fixture(params=[(SANDBOX_ENGINE, "aws"), (SANDBOX_ENGINE, "azure"), (PULUMI_ENGINE, "aws")], ids="-".join)
def deploy(request: pytest.FixtureRequest, home: Path) -> Any:
    """Deploys with these numbers of instances."""
    engine, provider = request.param
    if engine == PULUMI_ENGINE:
        require_pulumi_cli()
    use_cases = Application(home).deployments({}, engine=EngineChoice(engine, SIMULATED_CLOUD))

    async def deployed(least: int, most: int | None, **settings: Any) -> DeploymentRow:
        section = {"instances": {"min": least, "max": most}, "health": {"enabled": False}, **settings}
        values = {"components": {"rest-api": section}, "monitoring": {"enabled": False}}
        return await use_cases.deploy(STACKS[provider], values)

    return deployed


async def test_both_are_lowered_and_raised_in_one_deployment_also_with_the_function(deploy: Any) -> None:
    rows = [await deploy(least, most) for least, most in ((5, 10), (1, 2), (0, 1), (5, 10), (3, None))]
    again = await deploy(3, None)
    rows.append(await deploy(1, 2, memory=1024, environment={"ADDED": "1"}))

    assert [(row.state, row.error) for row in rows] == [("completed", None)] * 6
    assert (again.state, again.changes["update"]) == ("completed", 0)
