"""What led to a request: the table says which chains are loops."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from semantest_iac.application.intake.ancestry import MAX_HOPS, Ancestry, trace_ancestry
from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac_events.deployments import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentRejected,
    DeploymentRequested,
    DeploymentStarted,
)
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.forms.cloudevents import to_cloudevent
from semantest_iac_events.infrastructure import (
    DriftDetected,
    FunctionDeployed,
    InfrastructureRemovalRequested,
    InfrastructureUpdated,
)
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import MemoryLedger

REST, SOCKET = "rest-api", "websocket"
PLACE: dict[str, Any] = {"provider": "aws", "environment": "development", "region": "us-east-1"}
CHANGES: dict[str, Any] = {"changes": ChangeCounts()}
NO_LOOP: list[str] = []


class History:
    """A ledger that is filled with requests and their results."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    async def record(self, event: Event) -> Any:
        text = json.dumps(to_cloudevent(event))
        await self.ledger.append(str(event.subject), None, [NewEvent(event.type_name, text)])
        return event

    async def requested(self, component: str = REST, *causes: Event, **fields: Any) -> Any:
        return await self.record(a_request(component, *causes, **fields))

    async def deployed(self, component: str = REST, *causes: Event, **fields: Any) -> Any:
        """Record a whole deployment and return the event that others act upon."""
        request = await self.requested(component, *causes, **fields)
        await self.record(a_result(DeploymentStarted, request))
        updated = await self.record(a_result(InfrastructureUpdated, request, **CHANGES))
        await self.record(a_result(DeploymentCompleted, request, **CHANGES))
        return updated

    def judge(self, request: StackRequest) -> list[str]:
        """Return the components of the loop."""
        return [stack.split(".")[0] for stack in trace_ancestry(self.ledger, request).loop]


def a_request(
    component: str = REST, *causes: Event, of: type[StackRequest] = DeploymentRequested, **fields: Any
) -> StackRequest:
    given: dict[str, Any] = {"previous_event_ids": tuple(cause.id for cause in causes)}
    given |= {"correlation_id": causes[0].correlation_id} if causes else {}
    return of(component=component, **PLACE, **{**given, **fields})


def a_result(of: Callable[..., Event], request: StackRequest, **fields: Any) -> Event:
    named = {name: getattr(request, name) for name in ("component", "provider", "environment", "region")}
    return of(**named, deployment_id=request.deployment_id, **fields).caused_by(request)


def without_causes(event: Event, component: str = REST, **fields: Any) -> StackRequest:
    """A request of a system that passes on the correlation id and no cause of ours."""
    return a_request(component, correlation_id=event.correlation_id, **fields)


async def an_update_wired_back(history: History) -> StackRequest:
    return a_request(REST, await history.deployed())


async def an_update_wired_back_through_another_stack(history: History) -> StackRequest:
    return a_request(REST, await history.deployed(SOCKET, await history.deployed()))


async def an_update_wired_back_with_its_correlation_id_alone(history: History) -> StackRequest:
    return without_causes(await history.deployed())


async def an_update_wired_back_with_a_foreign_cause(history: History) -> StackRequest:
    return without_causes(await history.deployed(), previous_event_ids=(uuid4(),))


async def two_stacks_by_correlation_id(history: History) -> StackRequest:
    rest = await history.deployed()
    await history.record(socket := without_causes(rest, SOCKET, hops=1))
    updated = await history.record(a_result(InfrastructureUpdated, socket, **CHANGES))
    return without_causes(updated)


async def a_cause_that_is_missing_further_back(history: History) -> StackRequest:
    rest = await history.deployed()
    socket = await history.requested(SOCKET, correlation_id=rest.correlation_id, hops=1, previous_event_ids=(uuid4(),))
    return a_request(REST, await history.record(a_result(InfrastructureUpdated, socket, **CHANGES)))


async def a_part_deployed_wired_back(history: History) -> StackRequest:
    function = {"function_name": "f", "arn": "a", "version": "1", "runtime": "r", "memory_mb": 1, "artifact_digest": ""}
    return a_request(REST, await history.record(a_result(FunctionDeployed, await history.requested(), **function)))


async def a_failure_wired_back(history: History) -> StackRequest:
    return a_request(
        REST, await history.record(a_result(DeploymentFailed, await history.requested(), code="X", reason="no"))
    )


async def a_start_wired_back(history: History) -> StackRequest:
    return a_request(REST, await history.record(a_result(DeploymentStarted, await history.requested())))


async def a_rejected_loop_that_is_sent_again(history: History) -> StackRequest:
    refused = a_request(REST, await history.deployed())
    rejected = a_result(DeploymentRejected, refused, code="REQUEST_LOOP", reason="loop")
    causes = (*refused.previous_event_ids, refused.id)
    return a_request(REST, await history.record(rejected.model_copy(update={"previous_event_ids": causes})))


async def a_stack_that_is_created_again_after_its_removal(history: History) -> StackRequest:
    removal = await history.requested(REST, await history.deployed(), of=InfrastructureRemovalRequested)
    return a_request(REST, removal)


LOOPS: dict[Callable[[History], Any], list[str]] = {
    an_update_wired_back: [REST, REST],
    an_update_wired_back_through_another_stack: [REST, SOCKET, REST],
    an_update_wired_back_with_its_correlation_id_alone: [REST, REST],
    an_update_wired_back_with_a_foreign_cause: [REST, REST],
    two_stacks_by_correlation_id: [REST, SOCKET, REST],
    a_cause_that_is_missing_further_back: [REST, REST],
    a_part_deployed_wired_back: [REST, REST],
    a_failure_wired_back: [REST, REST],
    a_start_wired_back: [REST, REST],
    a_rejected_loop_that_is_sent_again: [REST, REST],
    a_stack_that_is_created_again_after_its_removal: [REST, REST, REST],
}


async def a_stack_deployed_twice_by_a_person(history: History) -> StackRequest:
    await history.deployed()
    return a_request()


async def a_stack_that_follows_from_another_one(history: History) -> StackRequest:
    return a_request(SOCKET, await history.deployed())


async def the_stacks_of_one_command(history: History) -> StackRequest:
    return without_causes(await history.deployed(correlation_id="batch"), SOCKET)


async def a_stack_that_follows_from_one_of_the_same_command(history: History) -> StackRequest:
    await history.deployed(SOCKET, correlation_id="batch")
    return a_request(SOCKET, await history.deployed(REST, correlation_id="batch"))


async def several_requests_of_one_correlation_id_before_a_result(history: History) -> StackRequest:
    request = await history.requested(correlation_id="burst")
    await history.record(a_result(DeploymentStarted, request))
    return without_causes(request)


async def a_removal_of_what_was_deployed(history: History) -> StackRequest:
    return a_request(REST, await history.deployed(), of=InfrastructureRemovalRequested)


async def a_removal_by_correlation_id_alone(history: History) -> StackRequest:
    return without_causes(await history.deployed(), of=InfrastructureRemovalRequested)


async def a_found_drift_that_is_corrected(history: History) -> StackRequest:
    await history.deployed()
    drift = DriftDetected(component=REST, **PLACE, deployment_id="check", **CHANGES)
    return a_request(REST, await history.record(drift))


async def a_rejection_that_says_when_to_try_again(history: History) -> StackRequest:
    refused = a_request()
    return a_request(
        REST, await history.record(a_result(DeploymentRejected, refused, code="RATE_LIMITED", reason="later"))
    )


NO_LOOPS: tuple[Callable[[History], Any], ...] = (
    a_stack_deployed_twice_by_a_person,
    a_stack_that_follows_from_another_one,
    the_stacks_of_one_command,
    a_stack_that_follows_from_one_of_the_same_command,
    several_requests_of_one_correlation_id_before_a_result,
    a_removal_of_what_was_deployed,
    a_removal_by_correlation_id_alone,
    a_found_drift_that_is_corrected,
    a_rejection_that_says_when_to_try_again,
)


class TestLoops:
    @pytest.mark.parametrize(("make", "path"), LOOPS.items(), ids=[make.__name__ for make in LOOPS])
    async def test_are_named_by_their_stacks(self, make: Callable[[History], Any], path: list[str]) -> None:
        history = History()

        assert history.judge(await make(history)) == path

    @pytest.mark.parametrize("make", NO_LOOPS, ids=[make.__name__ for make in NO_LOOPS])
    async def test_are_not_seen_in(self, make: Callable[[History], Any]) -> None:
        history = History()

        assert history.judge(await make(history)) == NO_LOOP


class TestHops:
    async def test_are_the_deployments_that_led_to_a_request(self) -> None:
        history = History()
        cause: tuple[Event, ...] = ()
        for number in range(3):
            cause = (await history.deployed(f"stack-{number}", *cause),)

        assert trace_ancestry(history.ledger, a_request("next", *cause)) == Ancestry(hops=3)

    async def test_are_counted_on_where_the_causes_are_not_known(self) -> None:
        history = History()
        updated = await history.deployed(SOCKET, hops=4)

        assert trace_ancestry(history.ledger, without_causes(updated)).hops == 5

    async def test_are_believed_if_the_request_says_more(self) -> None:
        assert trace_ancestry(MemoryLedger(), a_request(hops=11)).hops == 11

    async def test_are_not_followed_without_end(self) -> None:
        history, cause = History(), await History().requested()
        for number in range(60):
            rejected = a_result(DeploymentRejected, a_request(f"stack-{number}"), code="X", reason="no")
            cause = await history.record(rejected.model_copy(update={"previous_event_ids": (cause.id,)}))

        assert trace_ancestry(history.ledger, a_request("next", cause)).hops > MAX_HOPS

    async def test_do_not_depend_on_the_number_of_causes(self) -> None:
        history = History()
        updated = await history.deployed()
        causes = (*(UUID(int=number) for number in range(5000)), updated.id)

        assert history.judge(a_request(previous_event_ids=causes)) == [REST, REST]
