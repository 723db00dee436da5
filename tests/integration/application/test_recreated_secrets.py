"""Secrets that are removed and needed again, while the cloud reserves the names of deleted ones.

Sources: github.com/pulumi/pulumi-azure-native/issues/4282; "You can't create this secret because a secret with this
name is already scheduled for deletion" of AWS Secrets Manager.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE, SIMULATED_CLOUD, EngineChoice
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.pulumi_cli import require_pulumi_cli

STACKS = {
    "aws": Stack("rest-api", "aws", "staging", "us-east-1"),
    "azure": Stack("rest-api", "azure", "staging", "eastus"),
}
VARIABLES = {"SEMANTEST_SECRET_TOKEN": "t0ken-canary", "SEMANTEST_SECRET_OTHER": "0ther-canary"}
BOTH = {"TOKEN": "${secrets.token}", "OTHER": "${secrets.other}"}
ONE = {"OTHER": "${secrets.other}"}


@pytest.fixture
def probe() -> FakeServiceProbe:
    return FakeServiceProbe(ControlPoints())


@pytest.fixture(params=[(SANDBOX_ENGINE, "aws"), (SANDBOX_ENGINE, "azure"), (PULUMI_ENGINE, "aws")], ids="-".join)
def deploy(request: pytest.FixtureRequest, home: Path, probe: FakeServiceProbe) -> Any:
    """Deploys with these variables."""
    engine, provider = request.param
    if engine == PULUMI_ENGINE:
        require_pulumi_cli()
    use_cases = Application(home, probe=probe).deployments(VARIABLES, engine=EngineChoice(engine, SIMULATED_CLOUD))

    async def deployed(environment: dict[str, str]) -> DeploymentRow:
        values = {"components": {"rest-api": {"environment": environment}}, "monitoring": {"enabled": False}}
        return await use_cases.deploy(STACKS[provider], values)

    return deployed


async def test_one_can_be_removed_and_needed_again_and_a_rollback_creates_it_again(
    deploy: Any, probe: FakeServiceProbe
) -> None:
    rows = [await deploy(variables) for variables in (BOTH, ONE, BOTH)]
    again = await deploy(BOTH)
    # the second time that a name is needed again
    probe.answers = [500] * 4  # it is asked again for two seconds
    failed = await deploy(ONE)

    assert [(row.state, row.error) for row in rows] == [("completed", None)] * 3
    assert not any(again.changes[kind] for kind in ("create", "update", "replace", "delete"))
    assert failed.error is not None
    assert (failed.state, failed.error.get("restored_deployment")) == ("rolled_back", again.deployment)
