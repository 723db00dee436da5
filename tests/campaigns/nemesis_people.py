"""Who asks the nemesis' home for something: clients that request, an operator who resolves, and one who looks."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.rollback import find_last_good
from semantest_iac.application.intake.request_origin import read_cloudevent_origin
from semantest_iac.application.ports.run_queue import QueuePlace, Receipt
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, RefusedError, ValidationError
from semantest_iac.infrastructure.file_locks import try_lock
from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import mark_of_stack
from semantest_iac_events.event import StackRequest
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from tests.campaigns.interrupted_home import list_inventory, mask_generated
from tests.campaigns.nemesis_home import EventLog, NemesisHome
from tests.campaigns.nemesis_plan import DEPLOY, NO_FAULT, STACKS, Delivery, PlannedRequest

OPERATOR = "nemesis-operator"
HEALING = 1_000_000
"""Numbers from here are those of requests by which the operator brings a stack to a known state."""
_MOST_UNENDED = 7
_PATIENCE_S = 120.0
_PAUSE_S = 0.2
_LEFT_TO_PERSON = (DeploymentStatus.FAILED, DeploymentStatus.CANCELLED, DeploymentStatus.NEEDS_OPERATOR)
_SQLITE_LOGS = ("-wal", "-shm")


class NemesisClient:
    """Delivers its requests one after the other; started again, it goes on with the one that has no answer.

    An event without an answer is delivered again, as a broker does; nobody repeats a command.
    """

    def __init__(self, home: NemesisHome, seed: int, deliveries: Sequence[Delivery], answers: Path) -> None:
        self._home = home
        self._seed = seed
        self._deliveries = deliveries
        self._answers = answers

    def run(self) -> None:
        """Deliver what has no answer yet."""
        self._asked, self._answered = _read_progress(self._answers)
        self._log = EventLog(self._answers)
        application = self._home.open_application()
        use_cases = application.deployments({})
        for delivery in self._deliveries:
            is_lost = not delivery.request.is_event and delivery.index in self._asked
            if delivery.index not in self._answered and not is_lost:
                self._wait_for_others(application)
                asyncio.run(self._deliver(delivery, application, use_cases))

    def _wait_for_others(self, application: Application) -> None:
        """Not everything at once: what waits is replaced by what comes later."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(DeploymentError):
                if len(application.run_queue.list_runs()) <= _MOST_UNENDED:
                    return
            time.sleep(_PAUSE_S)

    async def _deliver(self, delivery: Delivery, application: Application, use_cases: DeploymentUseCase) -> None:
        planned, deadline = delivery.request, time.monotonic() + _PATIENCE_S
        given = {"index": delivery.index, "number": planned.number}
        self._log.write("asked", **given)
        while True:
            try:
                answer = await self._request(planned, use_cases)
                break
            except (ValidationError, RefusedError) as error:
                answer = {"refusal": error.error_code}
                break
            except DeploymentError as error:  # the disk is full, or the database is away
                if time.monotonic() > deadline:
                    answer = {"gave_up": f"{error.error_code}: {error.reason}"}
                    break
                await asyncio.sleep(_PAUSE_S)
        if planned.is_cancelled and answer.get("deployment"):
            await self._cancel(application, answer["deployment"])
        self._log.write("answered", **given, **answer)

    async def _request(self, planned: PlannedRequest, use_cases: DeploymentUseCase) -> dict[str, Any]:
        if planned.is_event:
            return await submit_planned(self._home, planned, self._seed, use_cases)
        place = QueuePlace(planned.priority, None if planned.wait_s is None else time.time() + planned.wait_s)
        configuration = self._home.configuration_of(planned)
        row = await use_cases.deploy(planned.stack, configuration, by=planned.name, detach=place)
        return {"deployment": row.deployment}

    async def _cancel(self, application: Application, deployment: str) -> None:
        self._log.write("cancelling", deployment=deployment)
        with suppress(DeploymentError):  # it may have ended
            await application.queued_requests({}).cancel(deployment)


async def submit_planned(
    home: NemesisHome, planned: PlannedRequest, seed: int, use_cases: DeploymentUseCase
) -> dict[str, Any]:
    """Submit the event of a request, and return the answer."""
    event = home.build_request(planned, id=planned.event_id(seed))
    form = to_cloudevent(event, source=planned.source) | {"sequence": str(planned.sequence)}
    request = from_cloudevent(form)
    assert isinstance(request, StackRequest)
    receipt: Receipt = await use_cases.submit_event(request, read_cloudevent_origin(form, request))
    answer = {"deployment": receipt.deployment, "is_duplicate": receipt.is_duplicate, "replaced": receipt.replaced}
    if receipt.refusal:
        answer |= {"refusal": receipt.refusal.code, "refused_for": receipt.refusal.deployment}
    return answer


def _read_progress(answers: Path) -> tuple[set[int], set[int]]:
    lines = read_lines(answers)
    asked, answered = ({line["index"] for line in lines if line["what"] == what} for what in ("asked", "answered"))
    return asked, answered


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def operate(home: NemesisHome) -> dict[str, Any]:
    """Resolve what holds a stack, as a person does; returns how many, and what is in the queue."""
    application = home.open_application()
    held = [row for row in application.ledger.stacks() if row.held_by]
    for row in held:
        asyncio.run(application.held_stacks({}).resolve(str(row.held_by), OPERATOR))
    runs = [f"{run.deployment} {run.state} {run.stack}" for run in application.run_queue.list_runs()]
    return {"resolved": len(held), "unended": runs}


def heal(home: NemesisHome, seed: int, number: int) -> int:
    """Deploy every stack again that was left to a person; returns to how many."""
    application = home.open_application()
    use_cases, healed = application.deployments({}), 0
    for stack in STACKS:
        row = application.ledger.stack(str(stack))
        newest = application.ledger.deployment(row.newest) if row.newest else None
        if newest and (newest.state in _LEFT_TO_PERSON or row.unsettled or row.removal):
            planned = PlannedRequest(number + healed, -1, stack, DEPLOY, "v1", NO_FAULT, 1, sequence=number)
            asyncio.run(submit_planned(home, planned, seed, use_cases))
            healed += 1
    return healed


def find_differences(home: NemesisHome) -> list[str]:
    """Compare what the ledger says of each stack with the state and the cloud, once nothing is carried out."""
    application = home.open_application()
    use_cases = application.deployments({})
    found = [fault for stack in STACKS for fault in _compare_stack(application, use_cases, stack)]
    return found + [f"left over: the lock {name}" for name in _list_held_locks(home.home / "locks")]


def _compare_stack(application: Application, use_cases: DeploymentUseCase, stack: Stack) -> Iterator[str]:
    good = find_last_good(application.ledger, stack)
    if good is None:
        rows = list_inventory(application.home / "cloud.db")
        own = (row for row in rows if row.owner.startswith(mark_of_stack(stack)))
        yield from (f"{stack}: left in the cloud: {row.address.type} {row.id}" for row in own)
        return
    configuration = dict(good.request.configuration)
    plan = asyncio.run(use_cases.preview(stack, configuration, refresh=True)).plan
    yield from (f"{stack}: {change.op} {change.name} is still to be done" for change in plan.mutations)
    yield from (f"{stack}: {change.op} {change.name} was changed in the cloud" for change in plan.drift)


def _list_held_locks(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.lock")):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if not try_lock(descriptor):
            yield path.name
        os.close(descriptor)


def list_home_files(home: NemesisHome) -> list[str]:
    """List the files of the home, generated names masked."""
    files = (path for path in home.home.rglob("*") if path.is_file() and not path.name.endswith(_SQLITE_LOGS))
    return sorted(mask_generated(str(path.relative_to(home.home))) for path in files)
