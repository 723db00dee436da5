"""The life of one deployment: what each command returns, and when it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantest_iac.application.deployment.recorder import EventRecorder, read_deployment
from semantest_iac.domain.deployment.approval import ApprovalTerms, digest_plan
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.deployment import Deployment, DeploymentId, DeploymentResults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import (
    TERMINAL_EVENT_TYPES,
    TERMINAL_STATUSES,
    DeploymentStatus,
    find_next_status,
)
from semantest_iac.domain.errors import DeploymentError, Fault, InvalidStateError, ProviderError
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import (
    InfrastructureRemovalFailed,
    InfrastructureRemovalRequested,
    InfrastructureUpdated,
)
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import STACK_PARTS, MemoryLedger

ABOUT = {**STACK_PARTS, "deployment_id": "d-1"}
DEPLOY = DeploymentRequested(**ABOUT)
DESTROY = InfrastructureRemovalRequested(**ABOUT)
REFUSAL = ProviderError("The cloud refused it.", provider="aws", resource="function", hint="Ask again.")
WEDNESDAY = datetime(2026, 1, 7, 12, tzinfo=UTC)
ONE_CREATED = ChangePlan((PlannedChange("urn:f", "function", "f", "create"),))
ITS_REST = ChangePlan((PlannedChange("urn:f", "function", "f", "update"),))
ANOTHER_PLAN = ChangePlan((PlannedChange("urn:g", "function", "g", "delete"),))

Command = Callable[[Deployment], StackEvent | tuple[StackEvent, ...]]

COMMANDS: dict[str, Command] = {
    "start": Deployment.start,
    "resume": Deployment.resume,
    "validate": Deployment.validate,
    "build": Deployment.build_artifact,
    "preview": Deployment.preview,
    "plan": lambda it: it.plan(ONE_CREATED, "sha256:1"),
    "plan the rest": lambda it: it.plan(ITS_REST, "sha256:1"),
    "plan something else": lambda it: it.plan(ANOTHER_PLAN),
    "await approval": lambda it: it.await_approval(["f would be deleted"], ApprovalTerms(WEDNESDAY)),
    "approve": lambda it: it.approve("ana"),
    "disapprove": lambda it: it.disapprove("ana", "not on a Friday"),
    "expire": Deployment.expire,
    "apply": Deployment.apply,
    "publish code": Deployment.publish_code,
    "verify": Deployment.verify,
    "roll back": Deployment.roll_back,
    "remove": Deployment.remove,
    "complete a step": Deployment.complete_step,
    "fail a step": lambda it: it.fail_step(REFUSAL),
    "complete": lambda it: it.complete(DeploymentResults()),
    "complete a removal": lambda it: it.complete_removal(ChangeCounts(delete=1), 1),
    "complete a rollback": lambda it: it.complete_rollback(
        REFUSAL, changes=ChangeCounts(), restored_deployment="d-0", outputs={}
    ),
    "fail": lambda it: it.fail(REFUSAL),
    "need an operator": lambda it: it.need_operator(
        REFUSAL, changes=ChangeCounts(), remainder=["f"], commands=["semantest-iac destroy"]
    ),
    "reject": lambda it: it.reject(REFUSAL),
    "cancel": Deployment.cancel,
    "supersede": lambda it: it.supersede("d-2"),
    "resolve": lambda it: it.resolve("ana", "deleted it by hand"),
}
TO_PLAN = ["start", "validate", "complete a step", "preview", "complete a step", "plan"]


class UnknownRequest(StackRequest):
    """A request that opens no deployment."""

    type_name = "infrastructure.unknown.requested"


def carry_out(request: StackRequest, *commands: str) -> tuple[Deployment, list[StackEvent]]:
    """The deployment after these commands, and all of its events."""
    deployment, events = Deployment.from_request(request), list[StackEvent]([request])
    for command in commands:
        returned = COMMANDS[command](deployment)
        for event in returned if isinstance(returned, tuple) else (returned,):
            deployment = deployment.apply_event(event)
            events.append(event)
    return deployment, events


def deployment_after(*commands: str, request: StackRequest = DEPLOY) -> Deployment:
    return carry_out(request, *commands)[0]


class TestDeploymentId:
    def test_is_its_text(self) -> None:
        assert str(DeploymentId("d-1")) == "d-1"

    def test_is_refused_when_empty(self) -> None:
        with pytest.raises(ValueError, match="needs an id"):
            DeploymentId(" ")

    def test_is_new_each_time(self) -> None:
        assert DeploymentId.new() != DeploymentId.new()


class TestFold:
    @pytest.mark.parametrize(("request_event", "kind"), [(DEPLOY, "deploy"), (DESTROY, "destroy")])
    def test_opens_a_pending_deployment_with_its_request(self, request_event: StackRequest, kind: str) -> None:
        deployment = Deployment.fold([request_event])

        assert (str(deployment.id), deployment.kind, deployment.status) == ("d-1", kind, "pending")
        assert deployment.stack == Stack("rest-api", "aws", "development", "us-east-1")

    def test_leads_to_what_the_commands_led_to(self) -> None:
        deployment, events = carry_out(DEPLOY, *TO_PLAN, "apply", "fail a step", "resume", *TO_PLAN[1:])

        assert Deployment.fold(events) == deployment
        assert (deployment.status, deployment.attempt, deployment.was_interrupted) == ("planned", 2, True)

    @pytest.mark.parametrize(
        "events",
        [[], [UnknownRequest(**ABOUT)], carry_out(DEPLOY, "start")[1][1:]],
        ids=["nothing", "another request", "no request"],
    )
    def test_is_refused_without_a_request(self, events: list[StackEvent]) -> None:
        with pytest.raises(InvalidStateError):
            Deployment.fold(events)

    def test_ignores_what_a_deployment_cannot_have(self) -> None:
        failed, events = carry_out(DEPLOY, "start", "fail")

        assert Deployment.fold([*events, *events]) == failed

    def test_ignores_what_changes_no_status(self) -> None:
        planned = deployment_after(*TO_PLAN)

        assert planned.apply_event(InfrastructureUpdated(**ABOUT, changes=ChangeCounts())) == planned


class TestCommands:
    def test_return_events_that_the_request_caused(self) -> None:
        _, (_, *events) = carry_out(DEPLOY, *TO_PLAN, "apply", "complete a step", "verify", "complete")

        assert {event.previous_event_ids for event in events} == {(DEPLOY.id,)}
        assert {(event.stack, event.deployment_id) for event in events} == {(DEPLOY.stack, "d-1")}

    def test_change_nothing_by_themselves(self) -> None:
        deployment = deployment_after("start")
        deployment.fail(REFUSAL)

        assert deployment.status == "validating"

    def test_plan_what_changes(self) -> None:
        planned = deployment_after("start").plan(ONE_CREATED, "sha256:1")

        assert (planned.changes, [change.name for change in planned.resources]) == (ChangeCounts(create=1), ["f"])
        assert planned.artifact_digest == "sha256:1"

    def test_complete_with_the_results(self) -> None:
        results = DeploymentResults(ChangeCounts(create=2), {"endpoint": "https://x"}, duration_s=1.5)

        event = deployment_after(*TO_PLAN, "apply").complete(results)

        assert (event.changes.create, event.endpoint, event.duration_s) == (2, "https://x", 1.5)

    def test_fail_with_the_reason_and_what_was_changed(self) -> None:
        event = deployment_after("start").fail(REFUSAL, changes=ChangeCounts(create=1), advice="Look at it.")

        assert isinstance(event, DeploymentFailed)
        assert (event.code, event.reason, event.hint) == (
            "PROVIDER_ERROR",
            "The cloud refused it.",
            "Ask again. Look at it.",
        )
        assert (event.resource, event.changes.create) == ("function", 1)

    def test_fail_with_what_a_destroy_left(self) -> None:
        event = deployment_after("remove", request=DESTROY).fail(REFUSAL, remainder=["delete f"])

        assert isinstance(event, InfrastructureRemovalFailed)
        assert (event.reason, event.remainder) == ("The cloud refused it.", ("delete f",))

    def test_name_every_fault_as_reason(self) -> None:
        error = DeploymentError("No.", "CODE", faults=[Fault("a", "is wrong"), Fault("b", "too")])

        assert deployment_after().fail(error).reason == "No. a: is wrong. b: too."

    def test_end_the_step_that_has_begun(self) -> None:
        applying = deployment_after(*TO_PLAN, "apply")

        assert (applying.complete_step().step, applying.fail_step(REFUSAL).step) == ("apply", "apply")
        assert (applying.step, applying.apply_event(applying.complete_step()).step) == ("apply", "")


class TestRefusedCommands:
    @pytest.mark.parametrize(
        ("before", "command", "message"),
        [
            ([], "complete", "Cannot complete deployment 'd-1': its status is pending."),
            ([], "resume", "Cannot resume deployment 'd-1': its status is pending."),
            (["start"], "apply", "Cannot apply deployment 'd-1': its status is validating."),
            (["start"], "supersede", "Cannot supersede deployment 'd-1': its status is validating."),
            (["start"], "complete a step", "Cannot end a step of deployment 'd-1': none has begun."),
            (["start"], "remove", "Cannot remove the resources of deployment 'd-1': it is a deploy."),
            ([*TO_PLAN, "await approval"], "apply", "its status is awaiting approval."),
            ([*TO_PLAN, "apply"], "reject", "Cannot reject deployment 'd-1': its status is in progress."),
            ([*TO_PLAN, "apply", "roll back"], "complete", "its status is rolling back."),
            (["start", "fail"], "resolve", "Cannot resolve deployment 'd-1': its status is failed."),
            (["need an operator", "resolve"], "resolve", "Cannot resolve deployment 'd-1': it is resolved already."),
        ],
    )
    def test_say_which_deployment_and_why(self, before: list[str], command: str, message: str) -> None:
        with pytest.raises(InvalidStateError) as caught:
            COMMANDS[command](deployment_after(*before))

        assert message in caught.value.message

    @pytest.mark.parametrize("command", ["start", "apply", "verify", "complete", "complete a rollback"])
    def test_are_those_of_a_deploy_for_a_destroy(self, command: str) -> None:
        with pytest.raises(InvalidStateError, match="it is a destroy"):
            COMMANDS[command](Deployment.from_request(DESTROY))

    @pytest.mark.parametrize("end", ["fail", "cancel", "reject", "supersede", "need an operator"])
    def test_are_all_but_one_after_the_end(self, end: str) -> None:
        ended = deployment_after(end)

        for name, command in COMMANDS.items():
            if (end, name) != ("need an operator", "resolve"):
                with pytest.raises(InvalidStateError):
                    command(ended)


class TestApproval:
    def test_holds_for_the_same_plan_of_a_later_run(self) -> None:
        approved = [*TO_PLAN, "await approval", "approve", "resume"]

        assert deployment_after(*approved, "plan").is_approved
        assert not deployment_after(*approved, "plan something else").is_approved
        assert not deployment_after(*TO_PLAN).is_approved

    def test_holds_for_what_an_interrupted_run_has_left_to_do(self) -> None:
        approved = [*TO_PLAN, "await approval", "approve", "resume"]

        assert deployment_after(*approved, "plan", "apply", "resume", "plan the rest").is_approved
        assert not deployment_after(*approved, "plan", "apply", "resume", "plan something else").is_approved
        assert not deployment_after(*approved, "plan the rest").is_approved

    def test_names_the_plan_by_a_digest_whatever_its_order(self) -> None:
        deployment, events = carry_out(DEPLOY, *TO_PLAN, "await approval", "approve")
        changes = [PlannedChange(f"urn:{name}", "function", name, "create") for name in "ab"]
        two, turned = (deployment_after("start").plan(ChangePlan(tuple(order))) for order in (changes, changes[::-1]))

        assert {getattr(event, "plan_digest", "") for event in events[-2:]} == {digest_plan(deployment.planned or two)}
        assert digest_plan(two) == digest_plan(turned)

    def test_lets_whoever_comes_next_go_on(self) -> None:
        approved = [*TO_PLAN, "await approval", "approve"]

        assert (deployment_after(*approved).may_go_on, deployment_after(*approved, "resume").may_go_on) == (True, False)

    def test_is_asked_for_a_destroy_too(self) -> None:
        asked = deployment_after("plan", "await approval", request=DESTROY)

        assert (asked.status, asked.approval_end) == ("awaiting_approval", WEDNESDAY)
        with pytest.raises(InvalidStateError):
            asked.remove()

    def test_ends_the_deployment_when_its_time_is_over(self) -> None:
        deployment, (*_, rejected) = carry_out(DEPLOY, *TO_PLAN, "await approval", "expire")

        assert (deployment.status, getattr(rejected, "code", "")) == ("rejected", "APPROVAL_EXPIRED")

    def test_ends_the_deployment_where_it_is_denied(self) -> None:
        deployment, (*_, denied, rejected) = carry_out(DEPLOY, *TO_PLAN, "await approval", "disapprove")

        assert (denied.type_name, deployment.status) == ("infrastructure.approval.denied", "rejected")
        assert getattr(rejected, "reason", "") == "ana did not approve the plan: not on a Friday"


class TestRepeatedRuns:
    def test_remember_that_an_earlier_one_may_have_changed_the_stack(self) -> None:
        unchanged, changed = deployment_after(*TO_PLAN, "resume"), deployment_after(*TO_PLAN, "apply", "resume")

        assert (unchanged.attempt, unchanged.may_have_changed_stack) == (2, False)
        assert (changed.attempt, changed.may_have_changed_stack, changed.step) == (2, True, "")
        assert "before anything was changed" in unchanged.cancel().reason
        assert "continues from what was done" in changed.cancel().reason


def draw_life(request: StackRequest, choices: list[int]) -> tuple[Deployment, list[StackEvent]]:
    """The deployment after commands that were drawn from those that it accepts, and all of its events.

    Choices above 89 draw from those that end it, if there are any: most lives shall be long.
    """
    deployment, events = Deployment.from_request(request), list[StackEvent]([request])
    for choice in choices:
        accepted = list(find_accepted(deployment))
        if not accepted:
            break
        ends = [found[-1].type_name in TERMINAL_EVENT_TYPES for found in accepted]
        drawn = [found for found, is_end in zip(accepted, ends, strict=True) if is_end == (choice > 89)] or accepted
        for event in drawn[choice % len(drawn)]:
            deployment = deployment.apply_event(event)
            events.append(event)
    return deployment, events


def find_accepted(deployment: Deployment) -> Iterator[tuple[StackEvent, ...]]:
    """The events of each command that the deployment accepts now; the others raise InvalidStateError."""
    for command in COMMANDS.values():
        with suppress(InvalidStateError):
            returned = command(deployment)
            yield returned if isinstance(returned, tuple) else (returned,)


class TestEveryLife:
    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(
        request_event=st.sampled_from([DEPLOY, DESTROY]), choices=st.lists(st.integers(0, 99), min_size=10, max_size=40)
    )
    def test_follows_the_table_and_ends_at_most_once(self, request_event: StackRequest, choices: list[int]) -> None:
        deployment, events = draw_life(request_event, choices)

        statuses: list[DeploymentStatus] = []
        for event in events:
            step = getattr(event, "step", "")
            statuses.append(find_next_status(statuses[-1] if statuses else None, event.type_name, step))
        ends = [
            after
            for before, after in pairwise(statuses)
            if after in TERMINAL_STATUSES and before not in TERMINAL_STATUSES
        ]
        assert (Deployment.fold(events), statuses[-1]) == (deployment, deployment.status)
        assert len(ends) == deployment.has_ended
        assert deployment.is_resolved == (events[-1].type_name == "infrastructure.deployment.resolved")

    @settings(max_examples=100, derandomize=True, deadline=None, database=None)
    @given(
        request_event=st.sampled_from([DEPLOY, DESTROY]), choices=st.lists(st.integers(0, 99), min_size=10, max_size=40)
    )
    async def test_has_the_status_of_its_row(self, request_event: StackRequest, choices: list[int]) -> None:
        deployment, events = draw_life(request_event, choices)
        ledger = MemoryLedger()
        for event in events:
            await EventRecorder(ledger, str).record(event)

        row = ledger.deployment("d-1")
        assert row is not None
        assert (row.state, row.was_interrupted) == (deployment.status, deployment.was_interrupted)
        assert (ledger.stack(DEPLOY.stack).held_by == "d-1") == (
            deployment.status is DeploymentStatus.NEEDS_OPERATOR and not deployment.is_resolved
        )
        assert read_deployment(ledger, "d-1") == deployment
