"""The scheduled drift checks of a worker, joined from its engines and the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from semantest_iac.application.deployment.recorder import EventRecorder
from semantest_iac.application.drift.detection import DriftDetection
from semantest_iac.application.drift.schedule import DriftScheduler
from semantest_iac.application.message_bus import EventObservers, MessageBus
from semantest_iac.application.queries.history import find_owning_engine
from semantest_iac.bootstrap.deployments import ApplicationParts, WorkerViews, end_process, identify_worker
from semantest_iac.bootstrap.simulated_stacks import is_simulated_elsewhere
from semantest_iac.domain.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from semantest_iac.application.ports.run_queue import RunLease
    from semantest_iac.domain.deployment.change_plan import PlannedChange
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac_events.event import Event


def build_drift_scheduler(
    application: ApplicationParts, variables: Mapping[str, str], views: WorkerViews, period_s: float | None
) -> DriftScheduler:
    """Return a scheduler that shows the observers what it records."""
    ledger, queue, redact = application.ledger, application.run_queue, application.redactor(variables)
    shown = EventObservers(*views.observers)

    @cache
    def provisioner_of(choice: EngineChoice) -> Provisioner:
        provisioner, _ = application.connect(choice, variables)
        return views.place_engine(choice, provisioner) if views.place_engine else provisioner

    async def check(lease: RunLease, stack: Stack) -> Sequence[PlannedChange]:
        choice = find_owning_engine(ledger, lease.stack)
        if choice is None:
            raise NotFoundError(f"Cannot look for drift of '{stack}': nothing is deployed.")
        bus = MessageBus(EventRecorder(queue.open_ledger(lease), redact).record, lambda event, error: None, shown)

        async def record(event: Event, expected_version: int | None = None) -> None:
            await bus.record(event, expected_version=expected_version)

        async with application.stack_locks.hold(lease.stack, deployment=lease.deployment, timeout_s=0):
            return await DriftDetection(provisioner_of(choice), ledger, record).detect(stack)

    def find_obstacle(stack: Stack) -> str:
        return _find_obstacle(application, stack)

    return DriftScheduler(queue, ledger, check, find_obstacle, identify_worker(), period_s, on_stuck=end_process)


def _find_obstacle(application: ApplicationParts, stack: Stack) -> str:
    """Return why a stack cannot be checked here: its engine is missing, or what it knows lies on another machine."""
    choice = find_owning_engine(application.ledger, str(stack))
    if choice is None:
        return ""
    entry = application.engines.get(choice.engine)
    if entry is None:
        return f"there is no engine '{choice.engine}'."
    try:
        entry.check_requirements(stack.provider, choice)
    except RefusedError as error:
        return error.reason
    is_elsewhere = is_simulated_elsewhere(application, str(stack))
    return "its simulated cloud is in another home." if is_elsewhere else ""
