"""What guardrails find in a plan: it is refused, or waits for a person, or is carried out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.application.run_executor import MAX_ATTEMPTS
from semantest_iac.domain.guardrails.plan_review import PlanFinding, PlanToReview
from semantest_iac_events.deployments import DeploymentApproved
from tests.fakes.application import REST, VARIABLES, InMemoryApp

ASK = PlanFinding("usual", "ask", "never before so many changes", resource="function")
FREEZE = PlanFinding("freeze", "ask", "frozen until Monday")
REFUSE = PlanFinding("protected", "refuse", "is protected", "Take it out of `protected` first.", "table")
NOTE = PlanFinding("cost", "note", "costs 12 USD more each month")


class Guardrails:
    """Finds what it is told to, and remembers what it was asked about."""

    def __init__(self, *findings: PlanFinding) -> None:
        self.findings: Sequence[PlanFinding] = findings
        self.reviewed: list[PlanToReview] = []

    def __call__(self, reviewed: PlanToReview) -> tuple[PlanFinding, ...]:
        self.reviewed.append(reviewed)
        return tuple(self.findings)


async def approve(app: InMemoryApp, deployment: str) -> None:
    """Record the approval of the plan that waits, and let the run go on."""
    [asked] = [row.event for row in app.ledger.recorded if row.type == "infrastructure.approval.requested"][-1:]
    parts = {name: asked["data"][name] for name in ("component", "provider", "environment", "region", "deployment_id")}
    approved = DeploymentApproved(**parts, approved_by="ana", plan_digest=asked["data"]["plan_digest"])
    await app.recorder.record(approved)
    await app.queue.wake(deployment)


async def work(app: InMemoryApp) -> None:
    await app.application.worker(VARIABLES).run_until_idle()


class TestReview:
    async def test_gets_the_plan_and_what_it_comes_from(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy(memory=256)

        [reviewed] = guardrails.reviewed
        assert (reviewed.stack, reviewed.kind, reviewed.now) == (REST, "deploy", app.now)
        assert reviewed.configuration["components"] == {"rest-api": {"memory": 256}}
        assert reviewed.plan.changes.create == len(app.provisioner.clouds[str(REST)])
        assert (reviewed.settings and reviewed.settings.memory, reviewed.blueprint and reviewed.blueprint.stack) == (
            256,
            REST,
        )

    async def test_is_not_asked_about_a_plan_without_changes(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy()
        await app.deploy()

        assert len(guardrails.reviewed) == 1

    async def test_gets_the_plan_of_a_destroy_with_the_deployed_configuration(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy(memory=256)
        made = len(app.provisioner.clouds[str(REST)])
        row = await app.use_cases.destroy(REST)

        reviewed = guardrails.reviewed[-1]
        assert (row.state, reviewed.kind, reviewed.plan.changes.delete) == ("completed", "destroy", made)
        assert reviewed.configuration["components"] == {"rest-api": {"memory": 256}}
        assert (reviewed.settings, reviewed.blueprint) == (None, None)


class TestRefusal:
    async def test_rejects_the_deployment_with_every_finding(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(NOTE, ASK, REFUSE))
        row = await app.deploy()

        assert (row.state, app.provisioner.clouds.get(str(REST))) == ("rejected", None)
        assert row.error is not None
        assert row.error["code"] == "GUARDRAIL_REFUSED"
        assert row.error["message"] == (
            f"Cannot deploy '{REST}': the guardrails of its environment refuse the plan."
            " protected: table: is protected. usual: function: never before so many changes."
            " cost: costs 12 USD more each month."
        )

    async def test_rejects_a_destroy(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy()
        before = dict(app.provisioner.clouds[str(REST)])
        guardrails.findings = [REFUSE]
        row = await app.use_cases.destroy(REST)

        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rejected", before)

    async def test_is_none_where_there_is_only_a_note(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(NOTE))

        assert (await app.deploy()).state == "completed"


class TestWaiting:
    async def test_changes_nothing_and_says_what_waits_until_when(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK, NOTE))
        row = await app.deploy()

        asked = app.ledger.recorded[-1].event["data"]
        assert (row.state, app.provisioner.clouds.get(str(REST))) == ("awaiting_approval", None)
        assert app.recorded[-2:] == ["deployment.planned", "approval.requested"]
        assert asked["reasons"] == ["usual: function: never before so many changes"]
        assert asked["expires_at"] == "2026-01-08T00:00:00Z"
        assert len(asked["resources"]) == asked["changes"]["create"] > 0
        [run] = app.queue.list_runs()
        assert (run.state, run.due) == ("parked", (app.now + timedelta(days=7)).timestamp())

    async def test_goes_on_with_the_same_plan_once_it_is_approved(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        await work(app)
        assert len(app.queue.runs) == 1

        await approve(app, row.deployment)
        await work(app)

        recorded = app.recorded
        after = recorded[recorded.index("approval.granted") :]
        assert (after[1], after[-1]) == ("journal.run.resumed", "deployment.completed")
        assert "approval.requested" not in after
        assert app.queue.runs == {}

    async def test_goes_on_in_a_command_for_the_same_stack_that_claims_it(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        await app.use_cases.deploy(REST, {}, detach=FIRST_COME)
        await work(app)
        [row] = app.ledger.deployments()
        await approve(app, row.deployment)
        await app.deploy()

        assert [it.state for it in app.ledger.deployments()] == ["completed", "completed"]

    async def test_asks_again_for_a_plan_that_changed_meanwhile(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        app.provisioner.clouds[str(REST)] = {"stranger": "of somebody else"}
        await approve(app, row.deployment)
        await work(app)

        assert app.recorded.count("approval.requested") == 2
        assert [it.state for it in app.ledger.deployments()] == ["awaiting_approval"]
        digests = [
            row.event["data"]["plan_digest"]
            for row in app.ledger.recorded
            if row.type == "infrastructure.approval.requested"
        ]
        assert digests[0] != digests[1]

    async def test_asks_again_where_another_guardrail_asks_by_now(self) -> None:
        """Whoever approved it before a freeze began was not asked about the freeze."""
        guardrails = Guardrails(ASK)
        app = InMemoryApp(review_plan=guardrails)
        row = await app.deploy()
        guardrails.findings = [replace(ASK, reason="said in other words"), FREEZE]
        await approve(app, row.deployment)
        await work(app)

        [asked] = [it.event["data"] for it in app.ledger.recorded if it.type.endswith("approval.requested")][1:]
        assert FREEZE.summary in asked["reasons"]
        assert [it.state for it in app.ledger.deployments()] == ["awaiting_approval"]
        guardrails.findings = [replace(FREEZE, reason="frozen for an hour longer")]
        await approve(app, row.deployment)
        await work(app)
        assert [it.state for it in app.ledger.deployments()] == ["completed"]

    async def test_is_no_attempt(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        await app.deploy()
        for number in range(3 * MAX_ATTEMPTS):
            app.provisioner.clouds[str(REST)] = {f"stranger-{number}": "of somebody else"}
            [run] = app.queue.list_runs()
            await approve(app, run.deployment)
            await work(app)

        [row] = app.ledger.deployments()
        assert (row.state, app.queue.list_runs()[0].attempts) == ("awaiting_approval", 0)

    async def test_ends_as_rejected_when_its_time_is_over(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        app.queue.now = (app.now + timedelta(days=7)).timestamp()
        await work(app)

        ended = app.ledger.deployment(row.deployment)
        assert ended is not None
        assert (ended.state, ended.error) == (
            "rejected",
            {
                "code": "APPROVAL_EXPIRED",
                "message": "Nobody approved the plan before 2026-01-08T00:00:00Z.",
                "hint": "Deploy again: it is planned anew.",
            },
        )
        assert app.queue.runs == {}

    async def test_of_a_destroy_deletes_nothing_before_it_is_approved(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy()
        made = len(app.provisioner.clouds[str(REST)])
        guardrails.findings = [ASK]
        row = await app.use_cases.destroy(REST)
        assert (row.state, len(app.provisioner.clouds[str(REST)])) == ("awaiting_approval", made)

        await approve(app, row.deployment)
        await work(app)

        assert (app.recorded[-1], app.provisioner.clouds[str(REST)]) == ("removed", {})


class TestKilledWorker:
    async def test_behind_the_request_for_an_approval_leaves_it_to_wait(self) -> None:
        """It died before it could park the run."""
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        leave_to_the_next(app, row.deployment)
        before = len(app.recorded)
        await work(app)

        assert (app.recorded[before:], app.queue.runs[row.deployment].state) == ([], "parked")

    async def test_behind_the_request_leaves_an_approval_that_came_at_once(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        leave_to_the_next(app, row.deployment)
        await approve(app, row.deployment)
        await work(app)

        assert [it.state for it in app.ledger.deployments()] == ["completed"]

    @pytest.mark.parametrize("finding", [replace(FREEZE, effect="refuse"), FREEZE], ids=["refuse", "ask"])
    async def test_leaves_half_of_a_plan_to_be_finished_in_a_freeze_too(self, finding: PlanFinding) -> None:
        """Rejected, the stack would stay half-changed, and its last event would say that nothing was changed."""
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        row = await kill_at_apply(app)
        guardrails.findings = [finding]
        await work(app)

        assert [(it.deployment, it.state) for it in app.ledger.deployments()] == [(row, "completed")]

    async def test_leaves_another_plan_to_be_judged(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await kill_at_apply(app)
        app.provisioner.clouds[str(REST)] = {"stranger": "of somebody else"}
        guardrails.findings = [REFUSE]
        await work(app)

        [row] = app.ledger.deployments()
        assert (row.state, (row.error or {}).get("code")) == ("rejected", "GUARDRAIL_REFUSED")

    async def test_leaves_half_of_a_destroy_to_be_finished_in_a_freeze_too(self) -> None:
        guardrails = Guardrails()
        app = InMemoryApp(review_plan=guardrails)
        await app.deploy()
        app.points.fail("remove:api", ProcessKilled())
        with suppress(ProcessKilled):
            await app.use_cases.destroy(REST)
        leave_to_the_next(app, app.ledger.deployments()[0].deployment)
        guardrails.findings = [replace(FREEZE, effect="refuse")]
        await work(app)

        assert app.recorded[-1] == "removed"


class ProcessKilled(BaseException):
    """Ends a run without a word, as the death of its process does."""


async def kill_at_apply(app: InMemoryApp) -> str:
    """Deploy in a process that dies when a part of the plan is done; returns the deployment."""
    app.points.fail("apply:api", ProcessKilled())
    with suppress(ProcessKilled):
        await app.deploy()
    [row] = app.ledger.deployments()
    leave_to_the_next(app, row.deployment)
    return row.deployment


def leave_to_the_next(app: InMemoryApp, deployment: str) -> None:
    """Let the run look as its dead worker has left it."""
    app.queue.runs[deployment] = replace(app.queue.runs[deployment], state="retrying", due=None, attempts=1)


class TestDigest:
    async def test_is_recorded_with_the_approval(self) -> None:
        app = InMemoryApp(review_plan=Guardrails(ASK))
        row = await app.deploy()
        await approve(app, row.deployment)

        asked, granted = (json.loads(event.json)["data"] for event in app.ledger.recorded[-2:])
        assert asked["plan_digest"] == granted["plan_digest"]
