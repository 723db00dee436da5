"""A home whose requests are queued and carried out by workers, with its ledger in a file or in PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.intake.request_origin import read_cloudevent_origin
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.ports.run_queue import Receipt, RunHolder, RunLease
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.application.worker import Worker
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.deployments import WorkerViews
from semantest_iac.bootstrap.engines import ENGINES, EngineContext, EngineEntry
from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.events import StepFailed, StepIntended, StepObserved
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS, RUN_RESUMED, TERMINAL_EVENT_TYPES
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    Provisioner,
    PublishSettled,
    Removal,
    ReportProgress,
    ResourceProgress,
    Work,
)
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.file_locks import try_lock
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.process_starts import has_process_ended
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested
from semantest_iac_events.values import ChangeCounts
from tests.campaigns.child_process import list_processes_of
from tests.campaigns.interrupted_home import (
    DESTROY,
    RETURNED_CANARY,
    ROLLBACK,
    WAY_BACK,
    InterruptedHome,
    Target,
    find_chain_faults,
)
from tests.campaigns.interruption_points import ReportMoment
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.timer import FakeTimer
from tests.fakes.versioned_provisioner import FakeTraffic
from tests.run_queues import open_database

ACCEPTED, CLAIMED, STARTED, ENDED, LEAVING = "accepted", "claimed", "engine-started", "engine-ended", "leaving"
INTENDED, OBSERVED, RECORDED = "intended", "observed", "recorded"
SOURCE = "/campaign"
_MOMENTS: Mapping[str, str] = {
    **dict.fromkeys(DEPLOYMENT_KINDS, ACCEPTED),
    StepIntended.type_name: INTENDED,
    StepObserved.type_name: OBSERVED,
    StepFailed.type_name: OBSERVED,
}
_UNHEALTHY_ANSWERS = 100
_LONGEST_WAIT_S = 0.1

Form = dict[str, Any]
"""A request as a CloudEvent."""


class WatchedQueue(RunTable):
    """The queue in the database of a ledger; reports when a run was claimed, and when one is about to leave."""

    def __init__(self, ledger: SqlLedger, report: ReportMoment) -> None:
        super().__init__(ledger.database, ledger, lambda holder: has_process_ended(holder.worker))
        self._report = report

    async def claim(self, holder: RunHolder, lease_s: float, stacks: Any = None) -> RunLease | None:
        lease = await super().claim(holder, lease_s, stacks)
        if lease is not None:
            self._report(CLAIMED)
        return lease

    async def end(self, lease: RunLease) -> bool:
        self._report(LEAVING)
        return await super().end(lease)


class WatchedEngine:
    """A real engine; reports its first operation on a resource, and when it has ended before anybody records that."""

    def __init__(self, engine: Provisioner, report: ReportMoment) -> None:
        self._engine = engine
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        applied = await self._engine.apply(work, plan, publish, self._watch(progress))
        self._report(ENDED)
        return applied

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        result = await self._engine.publish_code(work, applied, publish, self._watch(progress))
        self._report(ENDED)
        return result

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        changes = await self._engine.destroy(removal, self._watch(progress))
        self._report(ENDED)
        return changes

    def _watch(self, progress: ReportProgress) -> ReportProgress:
        has_begun = False

        def watch(tick: ResourceProgress) -> None:
            nonlocal has_begun
            if not has_begun and not tick.is_step:
                has_begun = True
                self._report(STARTED)
            progress(tick)

        return watch


def wrap_engines(wrap: Callable[[EngineContext, Provisioner], Any]) -> dict[str, EngineEntry]:
    """Return the registry of engines with each of them wrapped."""

    def build(entry: EngineEntry) -> EngineEntry:
        return replace(entry, provisioner=lambda context: wrap(context, entry.provisioner(context)))

    return {name: build(entry) for name, entry in ENGINES.items()}


def watch_commits(ledger: SqlLedger, report: Callable[[RecordedEvent], None]) -> None:
    """Report each event that the ledger has committed, also those of a run and of the queue."""
    note = ledger.note_committed

    def note_and_report(recorded: Sequence[RecordedEvent]) -> None:
        note(recorded)
        for event in recorded:
            report(event)

    ledger.note_committed = note_and_report


def _observe_failures(home: Path, engine: object, probe: object) -> FakeTraffic:
    return FakeTraffic([TrafficObservation(100, 50)])


class QueuedHome(InterruptedHome):
    """A home and the stack in it; the ledger is in the home, or in a database as `open_database` takes it."""

    def __init__(self, folder: Path, target: Target, sources: Path, location: str = "") -> None:
        super().__init__(folder, target, sources)
        self._location = location
        self._databases: list[Database] = []

    def close(self) -> None:
        """Close every database that was opened."""
        while self._databases:
            self._databases.pop().close()

    def open_application(self, report: ReportMoment, probe: ServiceProbe) -> Application:
        ledger = self.open_ledger()
        watch_commits(ledger, lambda event: report(_MOMENTS.get(event.type, RECORDED)))
        return Application(
            self.folder,
            ledger=ledger,
            run_queue=WatchedQueue(ledger, report),
            engines=wrap_engines(lambda _, engine: WatchedEngine(engine, report)),
            probe=probe,
            timer=FakeTimer(),
        )

    def open_ledger(self) -> SqlLedger:
        ledger = SqlLedger(open_database(self._location)) if self._location else super().open_ledger()
        self._databases.append(ledger.database)
        return ledger

    def build_request(self, command: str) -> Form:
        """Return the request of a command as a CloudEvent."""
        place = {**asdict(self.stack), "requested_by": "campaign"}
        request: StackRequest = InfrastructureRemovalRequested(**place)
        if command == ROLLBACK:
            lost = self._list_secrets_to_lose()
            first = self.open_ledger().deployments()[-1].deployment
            self.close()
            request = RollbackRequested(**place, target_deployment=first, accepted_data_loss=lost)
        elif command != DESTROY:
            is_chosen_anyway = self.engine.engine == SANDBOX_ENGINE and self.stack.environment == "development"
            engine = {} if is_chosen_anyway else asdict(self.engine)
            request = DeploymentRequested(**place, configuration={**self.configuration_of(command), **engine})
        return to_cloudevent(request, source=SOURCE)

    def _list_secrets_to_lose(self) -> tuple[str, ...]:
        """Return the secrets that the second version has, and the first one has not; a key vault keeps its own."""
        held = {row.address.type for row in self.list_resources() if "second" in row.id}
        return ("secret-second",) if "aws:secretsmanager/secret:Secret" in held else ()

    def submit(self, form: Form, report: ReportMoment) -> dict[str, Any]:
        """Submit the request of a CloudEvent; returns the receipt."""
        request = from_cloudevent(form)
        assert isinstance(request, StackRequest)
        application = self.open_application(report, FakeServiceProbe(ControlPoints()))
        use_cases = application.deployments(self.variables, engine=self.engine)
        receipt: Receipt = asyncio.run(use_cases.submit_event(request, read_cloudevent_origin(form, request)))
        return asdict(receipt)

    def work(self, command: str, report: ReportMoment) -> None:
        """Carry out what is queued as a worker does; the service that the way back deploys is unhealthy."""
        probe = FakeServiceProbe(ControlPoints())
        if command == WAY_BACK:
            probe.answers = [500] * _UNHEALTHY_ANSWERS

        def watch(event: Event) -> None:
            if isinstance(event, StepIntended) and event.step == "roll_back":  # the version before is healthy
                probe.answers = []

        application = self.open_application(report, probe)
        if command == RETURNED_CANARY:
            application.engines = {
                name: replace(it, traffic=_observe_failures) for name, it in application.engines.items()
            }
        asyncio.run(self._work_to_end(application, application.worker(self.variables, WorkerViews((watch,)))))

    async def _work_to_end(self, application: Application, worker: Worker) -> None:
        """Carry out runs until none is left, also those that wait for a time."""
        await worker.run_until_idle()
        while application.run_queue.list_runs():
            await asyncio.sleep(_LONGEST_WAIT_S)
            await worker.run_until_idle()

    def read_state(self, deployment: str) -> str:
        """Return the status of a deployment by its events."""
        found = read_deployment(self.open_ledger(), deployment)
        return str(found.status) if found else "unknown"

    def find_faults(self, deployment: str, state: str, version: str | None, resumed: int | None) -> list[str]:
        """List what is not as promised after a deployment that must have ended so, with what it left deployed.

        Without a number for `resumed`, how often it went on is not looked at: a canary does at each of its steps.
        """
        ledger = self.open_ledger()
        found = list(find_chain_faults(ledger))
        own = [event for event in ledger.log() if deployment_id_of(event.event) == deployment]
        terminal = [event.type for event in own if event.type in TERMINAL_EVENT_TYPES]
        runs = sum(event.type == RUN_RESUMED for event in own)
        row = ledger.deployment(deployment)
        found += [f"it has {len(terminal)} terminal events: {terminal}"] * (len(terminal) != 1)
        found += [f"it ended as {row and row.state}: {row and row.error}"] * (row is None or row.state != state)
        found += [f"it was resumed {runs} times, not {resumed}"] * (resumed is not None and runs != resumed)
        queue = RunTable(ledger.database, ledger)
        found += [f"still in the queue: {run.deployment} {run.state}" for run in queue.list_runs()]
        found += [f"left over: the lock {name}" for name in self._list_held_locks()]
        found += [f"left over: process {process}" for process in list_processes_of(self.folder)]
        return [*dict.fromkeys([*found, *self.find_disagreements(version)])]

    def _list_held_locks(self) -> list[str]:
        """Lock each lock file for a moment; those that another process holds are returned."""
        held = []
        for path in sorted((self.folder / "locks").glob("*.lock")):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            held += [] if try_lock(descriptor) else [path.name]
            os.close(descriptor)
        return held
