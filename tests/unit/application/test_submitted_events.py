"""Requests of events: queued for a worker, or answered with their refusal in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.intake.request_origin import read_cloudevent_origin
from semantest_iac.application.ports.run_queue import Receipt
from semantest_iac.domain.errors import ArtifactError, LedgerError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested
from tests.fakes.application import InMemoryApp

ABOUT: dict[str, Any] = {"component": "rest-api", "provider": "aws", "environment": "development"}


def a_request(**fields: Any) -> DeploymentRequested:
    return DeploymentRequested(**ABOUT | {"region": "us-east-1"} | fields)


async def receive(app: InMemoryApp, event: StackRequest, **attributes: Any) -> Receipt:
    form = to_cloudevent(event, source="/github") | attributes
    request = from_cloudevent(form)
    assert isinstance(request, StackRequest)
    return await app.use_cases.submit_event(request, read_cloudevent_origin(form, request))


class TestAcceptedEvents:
    async def test_are_queued_with_their_package(self, app: InMemoryApp) -> None:
        receipt = await receive(app, request := a_request())

        assert (receipt, list(app.queue.runs)) == (Receipt(request.deployment_id), [request.deployment_id])
        assert app.recorded == ["deployment.requested", "journal.package.built"]

    async def test_are_carried_out_by_whoever_comes_next(self, app: InMemoryApp) -> None:
        await receive(app, a_request(environment="development"))
        await receive(app, InfrastructureRemovalRequested(**ABOUT, region="eu-west-1"))
        await app.deploy()

        assert [row.state for row in app.ledger.deployments()] == ["completed", "pending", "superseded"]

    async def test_are_accepted_once(self, app: InMemoryApp) -> None:
        request = a_request()

        receipts = [await receive(app, request) for _ in range(3)]

        assert [receipt.is_duplicate for receipt in receipts] == [False, True, True]
        assert app.recorded == ["deployment.requested", "journal.package.built"]


class TestRefusedEvents:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"environment": "moon"}, "VALIDATION_ERROR"),
            ({"environment": "production"}, "ENGINE_UNAVAILABLE"),
            ({"configuration": {"components": {"rest-api": {"memory": 1}}}}, "VALIDATION_ERROR"),
            ({"hops": 11}, "TOO_MANY_HOPS"),
            ({"component": "a.b.c"}, "VALIDATION_ERROR"),
            ({"component": "\u202e" * 250}, "VALIDATION_ERROR"),
        ],
    )
    async def test_are_answered_in_the_ledger(self, app: InMemoryApp, fields: dict[str, Any], code: str) -> None:
        receipt = await receive(app, request := a_request(**fields))

        row = app.ledger.deployment(request.deployment_id)
        assert receipt.refusal is not None
        assert row is not None and row.error is not None
        assert (receipt.refusal.code, row.state, row.error["code"]) == (code, "rejected", code)
        assert (app.recorded, app.queue.runs) == (["deployment.rejected"], {})
        assert (await receive(app, request)).is_duplicate

    async def test_are_those_that_have_nothing_to_go_back_to(self, app: InMemoryApp) -> None:
        receipt = await receive(app, RollbackRequested(**ABOUT, region="us-east-1"))

        assert (receipt.refusal and receipt.refusal.code) == "NOT_FOUND"

    async def test_are_late_ones(self, app: InMemoryApp) -> None:
        await receive(app, a_request(), sequence="2")

        receipt = await receive(app, a_request(), sequence="1")

        assert (receipt.refusal and receipt.refusal.code) == "STALE_REQUEST"
        assert app.recorded[-1] == "deployment.rejected"

    async def test_are_those_that_close_a_loop(self, app: InMemoryApp) -> None:
        row = await app.deploy()
        [request] = [event for event in app.ledger.recorded if event.type == DeploymentRequested.type_name]

        receipt = await receive(app, a_request(correlation_id=request.event["correlationid"]))

        assert receipt.refusal is not None
        assert (receipt.refusal.code, receipt.refusal.path) == ("REQUEST_LOOP", (row.stack, row.stack))

    async def test_show_their_answer(self, app: InMemoryApp) -> None:
        shown: list[str] = []
        use_cases = app.application.deployments({}, observer=lambda event: shown.append(event.type_name))
        form = to_cloudevent(a_request(hops=11))
        request = from_cloudevent(form)
        assert isinstance(request, StackRequest)

        await use_cases.submit_event(request, read_cloudevent_origin(form, request))

        assert shown == ["infrastructure.deployment.rejected"]

    async def test_are_not_those_that_may_be_accepted_later(self, app: InMemoryApp) -> None:
        app.points.fail("build", LedgerError("Cannot append: no space."))
        with pytest.raises(LedgerError):
            await receive(app, request := a_request())
        app.points.fail("build", ArtifactError("Cannot package '/src': it is empty."))

        receipt = await receive(app, request)

        assert (receipt.refusal and receipt.refusal.code) == "ARTIFACT_ERROR"
