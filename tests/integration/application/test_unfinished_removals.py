"""Destroys that stop after they have deleted something, and the deployments after them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.use_cases import DeploymentUseCase
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
LAST = {"aws": "aws:iam/role:Role", "azure": "azure-native:resources:ResourceGroup"}
VARIABLES = {"SEMANTEST_SECRET_TOKEN": "t0ken-canary"}


@dataclass
class HalfDestroyedHome:
    """A home with one stack, whose vaults and secrets keep their names for days after a delete."""

    folder: Path
    engine: str
    provider: str

    @property
    def stack(self) -> Stack:
        return STACKS[self.provider]

    @property
    def use_cases(self) -> DeploymentUseCase:
        application = Application(self.folder, probe=FakeServiceProbe(ControlPoints()))
        return application.deployments(VARIABLES, engine=EngineChoice(self.engine, SIMULATED_CLOUD))

    @property
    def generation(self) -> int:
        return Application(self.folder).ledger.stack(str(self.stack)).generation

    async def deploy(self, **section: object) -> DeploymentRow:
        values = {"components": {"rest-api": {"environment": {"TOKEN": "${secrets.token}"}, **section}}}
        return await self.use_cases.deploy(self.stack, values)

    async def destroy(self, refused: str = "") -> DeploymentRow:
        """Destroy; the cloud refuses to delete resources of a type."""
        faults = self.folder / ("pulumi" if self.engine == PULUMI_ENGINE else "") / "faults.json"
        if refused:
            faults.write_text(json.dumps([{"effect": "refuse", "operation": "delete", "type": refused}]))
        try:
            return await self.use_cases.destroy(self.stack)
        finally:
            faults.unlink(missing_ok=True)


@pytest.fixture(params=[(SANDBOX_ENGINE, "aws"), (SANDBOX_ENGINE, "azure"), (PULUMI_ENGINE, "azure")], ids="-".join)
def half(request: pytest.FixtureRequest, home: Path) -> HalfDestroyedHome:
    engine, provider = request.param
    if engine == PULUMI_ENGINE:
        require_pulumi_cli()
    return HalfDestroyedHome(home, engine, provider)


async def test_a_deployment_after_one_keeps_its_names_or_converges(half: HalfDestroyedHome) -> None:
    """It keeps them where nothing was deleted."""
    await half.deploy()
    kept = await half.destroy("*")
    deployed = await half.deploy(memory=2048)
    first = half.generation
    destroyed = await half.destroy(LAST[half.provider])
    again = await half.deploy()
    unchanged = await half.deploy()
    ended = await half.destroy()

    assert (kept.state, kept.changes["delete"]) == ("failed", 0)
    assert (deployed.state, deployed.changes["replace"], first) == ("completed", 0, 1)
    assert destroyed.state == "failed"
    assert destroyed.changes["delete"] > 0
    assert (again.state, again.error) == ("completed", None)
    assert not any(unchanged.changes[kind] for kind in ("create", "update", "replace", "delete"))
    assert (ended.state, half.generation) == ("completed", 3)
