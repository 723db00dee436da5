"""Ten deployments that differ in code, settings, alarms and flags; a rollback to any of them brings it back whole.

`make campaign rollback` goes back to each of them, on both engines, and kills rollbacks at every seam.
SEMANTEST_ROLLBACKS_SEED draws other ones, SEMANTEST_ROLLBACKS sets how many.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory, open_simulated_cloud
from tests.campaigns.interrupted_home import list_inventory
from tests.campaigns.rollback_runner import RollbackJob, run_rollback_job
from tests.pulumi_cli import require_pulumi_cli
from tests.rollback_series import DEPLOYMENTS, RollbackSeries

_SEED = int(os.environ.get("SEMANTEST_ROLLBACKS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_ROLLBACKS", "4"))
_INFO, _OTHER_CODE, _OTHER_SETTINGS = DEPLOYMENTS[4], DEPLOYMENTS[3], DEPLOYMENTS[5]
PROVIDERS = ("aws", "azure")

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


@needs_node
@pytest.mark.timeout(600)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_of_ten(tmp_path: Path, provider: str) -> None:
    reports = list(run_rollback_job(RollbackJob(str(tmp_path / "series"), "sandbox", provider, _SEED, _COUNT)))

    faults = [fault for report in reports for fault in report.faults]
    assert (faults, len(reports)) == ([], _COUNT), f"SEMANTEST_ROLLBACKS_SEED={_SEED}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("provider", "deployments"), [("aws", (1, 4)), ("azure", (4, 5))])
def test_of_two_with_pulumi(tmp_path: Path, provider: str, deployments: tuple[int, ...]) -> None:
    """Other code and settings on AWS, other code alone on Azure."""
    require_pulumi_cli()
    job = RollbackJob(str(tmp_path / "series"), "pulumi", provider, _SEED, 1, deployments)

    reports = list(run_rollback_job(job))

    assert ([fault for report in reports for fault in report.faults], len(reports)) == ([], 1)


@pytest.fixture(params=PROVIDERS)
def series(request: pytest.FixtureRequest, tmp_path: Path) -> RollbackSeries:
    return RollbackSeries(tmp_path, request.param, "sandbox")


@pytest.fixture
def on_aws(tmp_path: Path) -> RollbackSeries:
    return RollbackSeries(tmp_path, "aws", "sandbox")


def _cloud_of(series: RollbackSeries) -> Path:
    return series.application.home / "cloud.db"


def _list_changed(before: list[Any], after: list[Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield the type of each resource that differs, with the names of the outputs that do."""
    known = {row.address: row.outputs for row in before}
    assert known.keys() == {row.address for row in after}
    for row in after:
        outputs = known[row.address]
        names = {name for name in row.outputs.keys() | outputs.keys() if row.outputs.get(name) != outputs.get(name)}
        if names:
            yield row.address.type, names


class TestCodeAlone:
    def test_touches_nothing_else_and_is_what_the_next_deployment_finds(self, series: RollbackSeries) -> None:
        for deployment in (_OTHER_CODE, _INFO):
            series.deploy(deployment)
        before = list_inventory(_cloud_of(series))

        row = series.roll_back(1)
        changed = dict(_list_changed(before, list_inventory(_cloud_of(series))))
        answer = series.call()
        same, newer = series.deploy(_OTHER_CODE), series.deploy(_INFO)

        expected = {
            "aws": {"aws:lambda/alias:Alias": {"functionVersion"}},
            "azure": {"azure-native:web:WebApp": {"tags"}},
        }
        assert (row.state, changed, answer) == ("completed", expected[series.stack.provider], _OTHER_CODE.answer)
        assert (same.state, any(count for name, count in same.changes.items() if name != "same")) == (
            "completed",
            False,
        )
        assert (newer.state, series.call()) == ("completed", _INFO.answer)

    def test_with_other_settings_publishes_it_anew(self, on_aws: RollbackSeries) -> None:
        for deployment in (_OTHER_CODE, _INFO, _OTHER_SETTINGS):
            on_aws.deploy(deployment)

        row = on_aws.roll_back(1)

        assert (row.state, row.outputs["function_version"], on_aws.call()) == ("completed", "4", _OTHER_CODE.answer)

    def test_whose_version_was_deleted_publishes_it_anew(self, on_aws: RollbackSeries) -> None:
        first = on_aws.deploy(_OTHER_CODE)
        on_aws.deploy(_INFO)
        cloud = open_simulated_cloud("aws", open_inventory(_cloud_of(on_aws)), region="us-east-1")
        cloud.delete_version("aws:lambda/function:Function", first.outputs["function_name"], "1")

        row = on_aws.roll_back(1)

        assert (row.state, row.outputs["function_version"], on_aws.call()) == ("completed", "3", _OTHER_CODE.answer)

    def test_says_which_code_runs_and_is_undone_where_it_is_unhealthy(self, on_aws: RollbackSeries) -> None:
        for deployment in (_OTHER_CODE, _INFO):
            on_aws.deploy(deployment)

        failing = asyncio.run(_roll_back_unhealthy(on_aws))
        answer = on_aws.call()
        undone = len(_list_deployed_code(on_aws))
        plan = on_aws.preview(1)
        on_aws.roll_back(1)

        deployed = _list_deployed_code(on_aws)
        digests = [data["artifact_digest"] for data in deployed]
        assert (failing.state, answer) == ("rolled_back", _INFO.answer)
        assert plan.code is not None
        assert (plan.code.old, plan.code.new) == (digests[1], digests[0])
        assert [(data["version"], data["artifact_digest"]) for data in deployed[undone:]] == [("1", digests[0])]


def _list_deployed_code(series: RollbackSeries) -> list[Any]:
    """The data of the events of deployed functions."""
    stream = series.application.ledger.stream(str(series.stack))
    return [it.event["data"] for it in stream if it.type == "infrastructure.function.deployed"]


async def _roll_back_unhealthy(series: RollbackSeries) -> Any:
    from semantest_iac.bootstrap.application import Application
    from tests.fakes.control_points import ControlPoints
    from tests.fakes.service_probe import FakeServiceProbe
    from tests.fakes.timer import FakeTimer

    probe = FakeServiceProbe(ControlPoints())
    probe.answers = [500] * 100
    application = Application(series.application.home, probe=probe, timer=FakeTimer())

    def progress(each: Any) -> None:
        if each.op == "rollback":  # what ran before is healthy
            probe.answers = []

    use_cases = application.deployments({}, engine=series.engine, progress=progress)
    return await use_cases.rollback(series.stack, series.rows[0].deployment)
