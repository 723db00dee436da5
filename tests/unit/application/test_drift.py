"""Looking for drift: what is found is recorded once, and a deployment is never taken for it."""

from __future__ import annotations

import pytest

from semantest_iac.application.drift.detection import DriftDetection
from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, StackBusyError
from tests.fakes.application import REST, InMemoryApp
from tests.fakes.memory_ledger import a_destroy
from tests.fakes.provisioner import FakeProvisioner

_DELETED = PlannedChange("urn:function", "fake", "function", "delete")
_UPDATED = PlannedChange("urn:topic", "fake", "topic", "update", (PropertyChange("size", 1, 2),))


@pytest.fixture
def drift(app: InMemoryApp) -> DriftDetection:
    return DriftDetection(app.provisioner, app.ledger, app.recorder.record)


async def test_is_recorded_with_what_would_correct_it(app: InMemoryApp, drift: DriftDetection) -> None:
    deployment = (await app.deploy()).deployment
    app.provisioner.drift = (_DELETED, _UPDATED)

    found = await drift.detect(REST)

    event = app.ledger.recorded[-1].event
    assert (found, event["type"]) == ((_DELETED, _UPDATED), "infrastructure.drift.detected")
    assert [(it["name"], it["op"]) for it in event["data"]["resources"]] == [
        ("function", "create"),
        ("topic", "update"),
    ]
    assert event["data"]["deployment_id"] != deployment
    assert [row.deployment for row in app.ledger.deployments()] == [deployment]


async def test_is_recorded_again_only_if_it_is_another_one(app: InMemoryApp, drift: DriftDetection) -> None:
    await app.deploy()
    before = len(app.recorded)
    for found in ((_DELETED,), (_DELETED,), (_DELETED, _UPDATED)):
        app.provisioner.drift = found
        await drift.detect(REST)

    assert app.recorded[before:] == ["drift.detected"] * 2


async def test_of_an_unchanged_cloud_records_nothing(app: InMemoryApp, drift: DriftDetection) -> None:
    await app.deploy()
    before = app.recorded

    assert (await drift.detect(REST), app.recorded) == ((), before)


async def test_needs_something_deployed(drift: DriftDetection) -> None:
    with pytest.raises(NotFoundError, match="nothing is deployed"):
        await drift.detect(REST)


async def test_is_not_looked_for_while_a_deployment_is_open(app: InMemoryApp, drift: DriftDetection) -> None:
    await app.deploy()
    await app.ledger.append(str(REST), None, a_destroy("d9", stack=str(REST))[:2])

    with pytest.raises(StackBusyError, match="its deployment d9 has not ended"):
        await drift.detect(REST)


@pytest.mark.parametrize("found", [(), (_DELETED,)], ids=["without drift", "with drift"])
async def test_is_refused_if_a_deployment_begins_meanwhile(app: InMemoryApp, found: tuple[PlannedChange, ...]) -> None:
    class ChangedMeanwhile(FakeProvisioner):
        async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
            await app.ledger.append(str(stack), None, a_destroy("d9", stack=str(stack))[:1])
            return found

    await app.deploy()
    drift = DriftDetection(ChangedMeanwhile(app.points), app.ledger, app.recorder.record)

    with pytest.raises(StackBusyError, match="recorded of it meanwhile"):
        await drift.detect(REST)

    assert app.recorded[-1] == "removal.requested"
