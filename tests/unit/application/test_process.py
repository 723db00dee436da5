"""The steps of deployments and destroys, as the ledger records them."""

from __future__ import annotations

import asyncio
import json

import pytest

from semantest_iac.domain.errors import (
    ArtifactError,
    LedgerError,
    ProviderError,
    RuntimeFailedError,
)
from semantest_iac.domain.guardrails.consent import approve_any_plan
from semantest_iac.domain.guardrails.engine_choice import REAL_CLOUD, SANDBOX_ENGINE, EngineChoice
from tests.fakes.application import REST, SECRET, VARIABLES, InMemoryApp, configuration_of

READ_ONLY_STEPS = [
    "deployment.requested",
    "journal.package.built",
    "deployment.started",
    "journal.step.intended:validate",
    "journal.step.observed:validate",
    "journal.step.intended:build_artifact",
    "journal.step.observed:build_artifact",
    "journal.step.intended:preview",
    "journal.step.observed:preview",
    "deployment.planned",
]
APPLIED = ["journal.step.intended:apply", "function.deployed", "updated", "journal.step.observed:apply"]
APPLIED_WITHOUT_CODE = ["journal.step.intended:apply", "updated", "journal.step.observed:apply"]
PUBLISHED = ["journal.step.intended:publish_code", "function.deployed", "journal.step.observed:publish_code"]
VERIFIED = ["journal.step.intended:verify", "journal.step.observed:verify", "deployment.completed"]
UNHEALTHY = ["journal.step.intended:verify", "journal.step.failed:verify"]
ROLLED_BACK = ["journal.step.intended:roll_back", "journal.step.observed:roll_back", "deployment.rolled_back"]
STUCK = ["journal.step.intended:roll_back", "journal.step.failed:roll_back", "deployment.needs_operator"]
REFUSED = ProviderError("Cannot deploy 'function': no quota.", "Quota", provider="aws", resource="urn:function")


class TestDeploy:
    async def test_records_every_step_before_and_after(self, app: InMemoryApp) -> None:
        row = await app.deploy()

        assert app.recorded == [*READ_ONLY_STEPS, *APPLIED, *VERIFIED]
        assert (row.state, row.endpoint) == ("completed", "https://api.example.com")

    async def test_changes_nothing_the_second_time_but_verifies(self, app: InMemoryApp) -> None:
        first = await app.deploy()
        before = len(app.recorded)
        second = await app.deploy()

        assert app.recorded[before:] == [*READ_ONLY_STEPS, "deployment.completed"]
        assert (second.outputs, second.changes["same"]) == (first.outputs, first.changes["create"])

    async def test_fails_without_a_change_when_an_unchanged_service_is_unhealthy(self, app: InMemoryApp) -> None:
        await app.deploy()
        before = len(app.recorded)
        app.probe.answers = [503]
        row = await app.deploy()

        assert (app.recorded[before:], row.state) == ([*READ_ONLY_STEPS, "deployment.failed"], "failed")

    async def test_has_one_cause_and_one_correlation(self, app: InMemoryApp) -> None:
        await app.deploy()

        first, *others = [row.event for row in app.ledger.recorded]
        assert {event["causationid"] for event in others} == {first["id"]}
        assert {event["correlationid"] for event in others} == {first["id"]}

    async def test_records_no_secret(self, app: InMemoryApp) -> None:
        app.probe.logs = f"token is {SECRET}"
        app.probe.answers = [500]
        row = await app.deploy(environment={"TOKEN": "${secrets.token}"})

        assert SECRET not in json.dumps([event.json for event in app.ledger.recorded])
        assert row.error is not None
        assert "***" in row.error["hint"]

    async def test_reports_the_progress_of_the_engine(self, app: InMemoryApp) -> None:
        await app.deploy()

        assert {tick.name for tick in app.progress if not tick.is_step} == set(app.provisioner.clouds[str(REST)])


class TestRealClouds:
    """Requests that no person at a terminal approves, such as those of events."""

    REAL = EngineChoice(SANDBOX_ENGINE, REAL_CLOUD)

    async def test_reject_a_plan_that_deletes_until_somebody_approves_it(self, app: InMemoryApp) -> None:
        unapproved = app.application.deployments(VARIABLES, engine=self.REAL)
        approved = app.application.deployments(VARIABLES, engine=self.REAL, approve_plan=approve_any_plan)

        created = await unapproved.deploy(REST, configuration_of(network={"private": True}))
        before = dict(app.provisioner.clouds[str(REST)])
        rejected = await unapproved.deploy(REST, {})
        after = dict(app.provisioner.clouds[str(REST)])
        deleted = await approved.deploy(REST, {})

        assert (created.state, rejected.state, deleted.state) == ("completed", "rejected", "completed")
        assert rejected.error is not None
        assert (rejected.error["code"], after) == ("CONSENT_MISSING", before)
        assert deleted.changes["delete"] > 0

    async def test_create_nothing_again_whose_state_is_lost(self, app: InMemoryApp) -> None:
        real = app.application.deployments(VARIABLES, engine=self.REAL, approve_plan=approve_any_plan)
        await real.deploy(REST, {})
        app.provisioner.clouds[str(REST)].clear()

        row = await real.deploy(REST, {})

        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rejected", {})
        assert row.error is not None
        assert row.error["code"] == "STATE_MISSING"

    async def test_create_again_what_was_destroyed(self, app: InMemoryApp) -> None:
        real = app.application.deployments(VARIABLES, engine=self.REAL, approve_plan=approve_any_plan)
        await real.deploy(REST, {})
        await real.destroy(REST)

        row = await real.deploy(REST, {})

        assert row.state == "completed"


class TestCodeBesideTheResources:
    @pytest.fixture(autouse=True)
    def takes_code(self, app: InMemoryApp) -> None:
        app.provisioner.takes_code = True

    async def test_is_published_in_a_step_of_its_own_after_the_rest(self, app: InMemoryApp) -> None:
        row = await app.deploy()

        assert app.recorded == [*READ_ONLY_STEPS, *APPLIED_WITHOUT_CODE, *PUBLISHED, *VERIFIED]
        assert (row.state, app.provisioner.code) == ("completed", {str(REST): "d1"})

    async def test_is_followed_by_what_waited_for_it(self, app: InMemoryApp) -> None:
        app.provisioner.late = ("hub",)
        row = await app.deploy()

        assert row.changes["create"] == len(app.provisioner.clouds[str(REST)]) + 1

    async def test_is_not_published_again_where_it_runs(self, app: InMemoryApp) -> None:
        await app.deploy(memory=256)
        before = len(app.recorded)
        await app.deploy(memory=1024)

        requested, package, *steps = (*READ_ONLY_STEPS, *APPLIED, *VERIFIED)
        assert app.recorded[before:] == [requested, package, "environment.configured", *steps]

    async def test_is_published_where_nothing_else_has_to_change(self, app: InMemoryApp) -> None:
        await app.deploy()
        before = len(app.recorded)
        app.provisioner.code.clear()
        row = await app.deploy()

        assert app.recorded[before:] == [*READ_ONLY_STEPS, *APPLIED_WITHOUT_CODE, *PUBLISHED, *VERIFIED]
        assert (row.state, row.changes["update"], app.provisioner.code) == ("completed", 0, {str(REST): "d1"})

    async def test_is_restored_with_the_last_good_deployment(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.artifacts.digest, app.probe.answers = "d2", [500]
        row = await app.deploy()

        assert (row.state, app.provisioner.code) == ("rolled_back", {str(REST): "d1"})

    async def test_is_rolled_back_when_publishing_fails(self, app: InMemoryApp) -> None:
        app.points.fail("publish_code", REFUSED)
        row = await app.deploy()

        assert app.recorded[-5:-3] == ["update.failed", "journal.step.failed:publish_code"]
        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rolled_back", {})


class TestFailureBeforeAnythingChanged:
    @pytest.mark.parametrize(
        ("point", "step"),
        [("preview", "preview"), ("apply", "apply")],
    )
    async def test_ends_the_deployment_as_failed(self, app: InMemoryApp, point: str, step: str) -> None:
        app.points.fail(point, ArtifactError("Cannot do 'it': no.", hint="Try."))
        row = await app.deploy()

        assert f"journal.step.failed:{step}" in app.recorded
        error = {"code": "ARTIFACT_ERROR", "message": "Cannot do 'it': no.", "hint": "Try."}
        assert (row.state, row.error, row.changes["create"]) == ("failed", error, 0)

    async def test_records_where_the_update_failed(self, app: InMemoryApp) -> None:
        app.points.fail("apply", REFUSED)
        await app.deploy()

        told = ["journal.step.intended:apply", "update.failed", "journal.step.failed:apply", "deployment.failed"]
        assert app.recorded == [*READ_ONLY_STEPS, *told]
        data = app.ledger.recorded[-3].event["data"]
        assert (data["code"], data["resource"]) == ("Quota", "urn:function")

    async def test_records_only_the_class_of_an_unexpected_error(self, app: InMemoryApp) -> None:
        app.points.fail("preview", ZeroDivisionError("at 0xdeadbeef"))
        row = await app.deploy()

        assert row.error is not None
        assert row.error["code"] == "INTERNAL_ERROR"
        assert "deadbeef" not in json.dumps([event.json for event in app.ledger.recorded])


class TestFailureAfterAChange:
    async def test_destroys_what_a_first_deployment_created(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        row = await app.deploy()

        assert app.recorded == [
            *READ_ONLY_STEPS,
            "journal.step.intended:apply",
            "update.failed",
            "journal.step.failed:apply",
            *ROLLED_BACK,
        ]
        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rolled_back", {})

    async def test_restores_the_last_good_deployment(self, app: InMemoryApp) -> None:
        good = await app.deploy(memory=256)
        before = dict(app.provisioner.clouds[str(REST)])
        app.artifacts.digest, app.probe.answers = "d2", [500]
        row = await app.deploy(memory=1024)

        assert app.provisioner.clouds[str(REST)] == before
        assert row.error is not None
        assert (row.state, row.error["restored_deployment"]) == ("rolled_back", good.deployment)
        assert row.error["code"] == "VERIFICATION_FAILED"

    async def test_records_the_rollback(self, app: InMemoryApp) -> None:
        await app.deploy()
        before = len(app.recorded)
        app.artifacts.digest, app.probe.answers = "d2", [500]
        await app.deploy()

        back = [ROLLED_BACK[0], "function.deployed", "updated", *ROLLED_BACK[1:]]
        assert app.recorded[before:] == [*READ_ONLY_STEPS, *APPLIED, *UNHEALTHY, *back]

    async def test_needs_an_operator_when_the_rollback_fails_too(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        app.points.fail("remove:api", ProviderError("Cannot delete 'api': busy.", provider="aws"))
        row = await app.deploy()

        assert app.recorded[-3:] == STUCK
        assert row.error is not None
        assert row.error["message"] == f"{REFUSED.message} Rollback failed: Cannot delete 'api': busy."
        left = sorted(app.provisioner.clouds[str(REST)])
        assert row.error["remainder"] == [f"delete {name} (fake)" for name in left]

    async def test_lists_the_commands_for_an_operator(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        app.points.fail("remove", REFUSED)
        row = await app.deploy()

        stack = "--component rest-api --provider aws --env development --region us-east-1"
        assert row.error is not None
        assert row.error["commands"] == [
            f"semantest-iac preview {stack} --refresh",
            f"semantest-iac resolve {row.deployment}",
            f"semantest-iac deploy {stack}",
            f"semantest-iac destroy {stack}",
        ]

    async def test_needs_an_operator_when_the_last_good_service_is_unhealthy(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.artifacts.digest, app.probe.answers = "d2", [500, 500]
        row = await app.deploy()

        assert row.state == "needs_operator"
        assert row.error is not None
        assert "remainder" not in row.error

    async def test_says_when_the_engine_cannot_tell_what_is_left(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        app.points.fail("remove", REFUSED)
        app.points.fail("preview_destroy", REFUSED)
        row = await app.deploy()

        assert row.error is not None
        assert row.error["remainder"] == ["unknown: the engine could not say what is left"]

    async def test_rolls_back_after_an_unexpected_error_too(self, app: InMemoryApp) -> None:
        app.points.fail("call", RuntimeFailedError("Cannot call it: it ended."), ZeroDivisionError())
        rows = [await app.deploy(), await app.deploy()]

        assert [row.state for row in rows] == ["rolled_back", "rolled_back"]

    async def test_leaves_a_stack_that_can_be_deployed_again(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        rows = [await app.deploy(), await app.deploy()]

        assert [row.state for row in rows] == ["rolled_back", "completed"]

    @pytest.mark.parametrize(
        ("point", "state"), [("call", "rolled_back"), ("remove:api", "needs_operator")], ids=["rolled-back", "half-way"]
    )
    async def test_counts_what_was_done_in_both_directions(self, app: InMemoryApp, point: str, state: str) -> None:
        app.points.fail("call", RuntimeFailedError("Cannot call it: it ended."))
        app.points.fail(point, REFUSED)
        row = await app.deploy()

        left = len(app.provisioner.clouds[str(REST)])
        assert row.state == state
        assert row.changes["create"] - row.changes["delete"] == left
        assert row.changes["create"] > left


class TestDestroy:
    async def test_deletes_everything_and_starts_a_new_generation(self, app: InMemoryApp) -> None:
        await app.deploy()
        before = len(app.recorded)
        row = await app.use_cases.destroy(REST)

        told = ["removal.requested", "journal.step.intended:remove", "journal.step.observed:remove", "removed"]
        assert app.recorded[before:] == told
        assert (row.state, app.ledger.stack(str(REST)).generation) == ("completed", 2)

    async def test_records_what_is_left_when_it_fails(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove:function", REFUSED)
        row = await app.use_cases.destroy(REST)

        left = sorted(app.provisioner.clouds[str(REST)])
        assert row.error is not None
        assert (row.state, row.error["code"]) == ("failed", "Quota")
        assert row.error["remainder"] == [f"delete {name} (fake)" for name in left]

    async def test_keeps_the_generation_when_it_fails(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove:function", LedgerError("Cannot append: full."))
        await app.use_cases.destroy(REST)

        assert app.ledger.stack(str(REST)).generation == 1


class TestDeployAfterAnUnfinishedRemoval:
    async def test_creates_what_was_deleted_in_a_new_generation(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove:function", REFUSED)
        destroyed = await app.use_cases.destroy(REST)
        before = len(app.recorded)
        row = await app.deploy()

        assert (destroyed.state, destroyed.changes["delete"] > 0, row.state) == ("failed", True, "completed")
        assert app.recorded[before:][len(READ_ONLY_STEPS)] == "journal.generation.started"
        assert app.ledger.stack(str(REST)).generation == 2
        assert all(text.startswith("2 ") for text in app.provisioner.clouds[str(REST)].values())

    async def test_keeps_that_generation(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove:function", REFUSED)
        await app.use_cases.destroy(REST)
        app.points.fail("apply:function", REFUSED)
        rows = [await app.deploy(), await app.deploy()]

        assert [row.state for row in rows] == ["rolled_back", "completed"]
        assert (app.ledger.stack(str(REST)).generation, app.recorded.count("journal.generation.started")) == (2, 1)

    async def test_keeps_the_generation_if_nothing_was_deleted(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove", REFUSED)
        await app.use_cases.destroy(REST)
        row = await app.deploy(memory=1024)

        assert (row.state, app.ledger.stack(str(REST)).generation) == ("completed", 1)

    async def test_does_so_after_the_unfinished_rollback_of_a_first_deployment(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        app.points.fail("remove:api", REFUSED)
        stuck = await app.deploy()
        await app.use_cases.resolve(stuck.deployment, by="anna")
        row = await app.deploy()

        assert (stuck.state, row.state) == ("needs_operator", "completed")
        assert app.ledger.stack(str(REST)).generation == 2

    async def test_destroys_what_both_left(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove:function", REFUSED)
        await app.use_cases.destroy(REST)
        await app.deploy()
        row = await app.use_cases.destroy(REST)

        assert (row.state, app.provisioner.clouds[str(REST)]) == ("completed", {})
        assert app.ledger.stack(str(REST)).generation == 3


class TestDeploymentAfterACancelledRemoval:
    async def test_lets_the_engine_settle_what_it_may_have_begun(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.points.fail("remove", asyncio.CancelledError())
        assert (await app.use_cases.destroy(REST)).state == "cancelled"
        before = len(app.recorded)
        row = await app.deploy()

        assert (row.state, row.changes["same"]) == ("completed", len(app.provisioner.clouds[str(REST)]))
        assert "journal.step.intended:apply" in app.recorded[before:]
        assert app.ledger.stack(str(REST)).removal is None


class TestUnhealthyAfterACancelledDeployment:
    async def test_fails_where_the_cancelled_one_changed_nothing(self, app: InMemoryApp) -> None:
        await app.deploy(memory=256)
        app.points.fail("apply", asyncio.CancelledError())
        assert (await app.deploy(memory=1024)).state == "cancelled"
        app.probe.answers = [500]
        row = await app.deploy(memory=256)

        assert (row.state, app.recorded[-1]) == ("failed", "deployment.failed")
        assert row.error is not None
        assert row.error["code"] == "VERIFICATION_FAILED"

    async def test_is_rolled_back_where_it_changed_everything(self, app: InMemoryApp) -> None:
        good = await app.deploy(memory=256)
        app.points.fail("call", asyncio.CancelledError())
        assert (await app.deploy(memory=1024)).state == "cancelled"
        app.probe.answers = [500]
        row = await app.deploy(memory=1024)

        assert row.error is not None
        assert (row.state, row.error["restored_deployment"]) == ("rolled_back", good.deployment)


class TestKeepFailed:
    async def test_a_first_deployment_stays_for_inspection(self, app: InMemoryApp) -> None:
        app.probe.answers = [500]
        row = await app.use_cases.deploy(REST, configuration_of(), keep_failed=True)

        assert row.error is not None
        assert (row.state, row.error["code"]) == ("failed", "VERIFICATION_FAILED")
        assert "Kept for inspection" in row.error["hint"]
        assert "deploy again to continue, or destroy it" in row.error["hint"]
        assert row.changes["create"] == len(app.provisioner.clouds[str(REST)]) > 0
        assert "journal.step.intended:roll_back" not in app.recorded
        assert app.ledger.stack(str(REST)).unsettled == row.deployment

    async def test_the_next_deployment_goes_on_from_there(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        kept = await app.use_cases.deploy(REST, configuration_of(), keep_failed=True)
        made = len(app.provisioner.clouds[str(REST)])
        row = await app.deploy()

        assert (kept.state, row.state) == ("failed", "completed")
        assert row.changes["create"] == len(app.provisioner.clouds[str(REST)]) - made

    async def test_so_does_the_next_destroy(self, app: InMemoryApp) -> None:
        app.probe.answers = [500]
        await app.use_cases.deploy(REST, configuration_of(), keep_failed=True)
        row = await app.use_cases.destroy(REST)

        assert (row.state, app.provisioner.clouds[str(REST)]) == ("completed", {})

    async def test_a_later_deployment_is_rolled_back_as_ever(self, app: InMemoryApp) -> None:
        await app.deploy()
        app.artifacts.digest, app.probe.answers = "d2", [500]
        row = await app.use_cases.deploy(REST, configuration_of(), keep_failed=True)

        assert row.state == "rolled_back"

    async def test_nothing_is_kept_where_nothing_was_made(self, app: InMemoryApp) -> None:
        app.points.fail("preview", REFUSED)
        row = await app.use_cases.deploy(REST, configuration_of(), keep_failed=True)

        assert row.error is not None
        assert row.state == "failed"
        assert "Kept" not in row.error.get("hint", "")
