"""A home that commit 989c88f wrote, before stacks had a project and components a type, goes on working.

It holds three stacks of the sandbox engine, one of them after a rollback. Packages, log levels, routes and an alarm
have changed since: the first deployment updates these in place, and the names in the cloud stay.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.deployment_specs import DeploymentSpec, build_spec
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.queries.history import read_status
from semantest_iac.bootstrap.application import Application
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.timer import FakeTimer

ARCHIVE = Path(__file__).parent / "data" / "home-before-projects.tar.xz"
STACKS = {
    "rest-api on aws": ("rest-api", {"provider": "aws"}),
    "rest-api on azure": ("rest-api", {"provider": "azure"}),
    "websocket on aws": ("websocket", {"provider": "aws"}),
}
CHANGED_TYPES = {
    "rest-api on aws": {"aws:lambda/function:Function", "aws:lambda/alias:Alias"},
    "rest-api on azure": {"azure-native:web:WebApp"},
    "websocket on aws": {
        "aws:lambda/function:Function",
        "aws:lambda/alias:Alias",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
    },
}
MUTATIONS = ("create", "update", "replace", "delete")


class EarlierHome:
    """The unpacked home with its configuration and sources."""

    def __init__(self, folder: Path) -> None:
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(folder, filter="data")
        self.probe = FakeServiceProbe(ControlPoints())
        self.application = Application(folder / ".semantest", probe=self.probe, timer=FakeTimer(per_read=1000))
        self._folder = folder

    def spec(self, component: str, values: dict[str, Any]) -> DeploymentSpec:
        loaded = self.application.configuration(folder=self._folder, environ={}, values=values)
        return build_spec(component, loaded, self.application)

    async def deploy(self, component: str, values: dict[str, Any]) -> DeploymentRow:
        spec = self.spec(component, values)
        use_cases = self.application.deployments({}, engine=spec.engine)
        return await use_cases.deploy(spec.stack, spec.configuration, settings=spec.settings)


@pytest.fixture
def earlier(tmp_path: Path) -> EarlierHome:
    return EarlierHome(tmp_path)


def test_shows_what_is_deployed(earlier: EarlierHome) -> None:
    rows = read_status(earlier.application.ledger)

    assert [(row["stack"], row["type"], row["state"], row["generation"]) for row in rows] == [
        ("websocket.aws.development.us-east-1", "websocket", "completed", 2),
        ("rest-api.azure.development.eastus", "rest-api", "completed", 1),
        ("rest-api.aws.development.us-east-1", "rest-api", "completed", 1),
    ]
    assert earlier.application.ledger.verify().events > 0


@pytest.mark.parametrize("name", STACKS)
def test_state_that_is_lost_cannot_be_rebuilt_before_the_first_change(
    earlier: EarlierHome, tmp_path: Path, name: str
) -> None:
    component, values = STACKS[name]
    part = f"sandbox/{earlier.spec(component, values).stack}.json"
    assert all(it.is_usable for it in earlier.application.inspect_home())
    (tmp_path / ".semantest" / part).unlink()

    (broken,) = (it for it in earlier.application.inspect_home() if not it.is_usable)

    assert (broken.part, broken.status, broken.repair) == (part, "missing", None)
    assert "Put back a copy of the file. Without one: mv " in broken.command


@pytest.mark.parametrize("name", STACKS)
async def test_is_updated_in_place_once_changed_and_destroyed(earlier: EarlierHome, name: str) -> None:
    component, values = STACKS[name]
    spec = earlier.spec(component, values)
    use_cases = earlier.application.deployments({}, engine=spec.engine)
    before = earlier.application.ledger.stack(str(spec.stack))

    plan = (await use_cases.preview(spec.stack, spec.configuration, settings=spec.settings)).plan
    updated = await earlier.deploy(component, values)
    unchanged = await earlier.deploy(component, values)
    changed = await earlier.deploy(component, values | {"components": {component: {"memory": 2048}}})
    destroyed = await use_cases.destroy(spec.stack)

    assert {change.op for change in plan.mutations} == {"update"}
    assert {change.type for change in plan.mutations} == CHANGED_TYPES[name]
    assert [row.error for row in (updated, unchanged, changed, destroyed)] == [None] * 4
    assert [unchanged.changes[kind] for kind in MUTATIONS] == [0, 0, 0, 0]
    assert changed.changes["update"] > 0
    assert {row.outputs["function_name"] for row in (before, updated, changed)} == {before.outputs["function_name"]}
    assert before.endpoint == changed.endpoint
    assert earlier.application.ledger.stack(str(spec.stack)).generation == before.generation + 1


@pytest.mark.parametrize("name", ["rest-api on aws", "rest-api on azure"])
async def test_rolls_back_to_a_package_that_was_recorded_with_a_path(earlier: EarlierHome, name: str) -> None:
    component, values = STACKS[name]
    stack = str(earlier.spec(component, values).stack)
    good = earlier.application.ledger.stack(stack).last_good
    recorded = [row.event["data"] for row in earlier.application.ledger.stream(stack) if "package.built" in row.type]
    earlier.probe.answers = [500]

    failed = await earlier.deploy(component, values)

    assert {"path"} <= set.union(*map(set, recorded))
    assert (failed.state, (failed.error or {})["restored_deployment"]) == ("rolled_back", good)
