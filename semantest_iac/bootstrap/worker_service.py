"""A worker service, joined from the worker and what runs beside it."""

from __future__ import annotations

import logging
import os
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.worker_health import RunCheck, WorkerHealth
from semantest_iac.application.worker_service import WorkerService, WorkerSettings
from semantest_iac.bootstrap.deployments import (
    ApplicationParts,
    PlaceEngine,
    WorkerViews,
    identify_worker,
)
from semantest_iac.bootstrap.drift_checks import build_drift_scheduler
from semantest_iac.bootstrap.engines import ENGINES, reveal_planned_secret
from semantest_iac.bootstrap.event_services import EventServices, WorkerEventParts, open_event_services
from semantest_iac.bootstrap.reviews.own_rules import watch_own_guardrails, watch_own_rules
from semantest_iac.bootstrap.watched_configuration import watch_folder
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE, EngineChoice
from semantest_iac.infrastructure.home_manifest import HomeManifest

if TYPE_CHECKING:
    from semantest_iac.application.intake.infrastructure_event_bus import EventResult, ReportReceived
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.ports.event_transports import ReceivedMessage
    from semantest_iac.application.ports.run_queue import RunLease
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.application.worker import ReportRun, RunChange, Worker
    from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
    from semantest_iac.domain.errors import Fault
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.provisioner import Provisioner, ReportProgress
    from semantest_iac.infrastructure.sandbox_engine.child.processes import SandboxChildren
    from semantest_iac_events.event import Event

_LOG = logging.getLogger(__name__)
_NO_PACKAGE = "0" * 64
"""A digest that no package has: a store that says so answers, without listing what it has."""


class WorkerParts(WorkerEventParts, Protocol):
    """The application, as far as a worker process uses it."""

    def worker(self, variables: Mapping[str, str], views: WorkerViews | None = ...) -> Worker: ...

    def find_guardrail_faults(self, guardrails: GuardrailsSection) -> tuple[Fault, ...]: ...


@asynccontextmanager
async def open_worker_service(
    application: WorkerParts,
    variables: Mapping[str, str],
    settings: WorkerSettings,
    observer: Observer,
    report_run: ReportRun,
    report_received: ReportReceived,
) -> AsyncIterator[WorkerService]:
    """Yield a worker service; raises RefusedError where it cannot answer health checks as it should."""
    async with AsyncExitStack() as exits:
        telemetry = _open_telemetry(application, variables)
        load = watch_folder(application, settings.configuration_file, settings.overrides)
        views = WorkerViews(
            [observer],
            report_run,
            find_own_rules=watch_own_rules(load),
            find_own_guardrails=watch_own_guardrails(load, application.find_guardrail_faults),
        )
        if telemetry is not None:
            exits.push_async_callback(to_thread, telemetry.close)
            views = add_telemetry(views, telemetry)
            report_received = _report_to_both(report_received, telemetry.report_received)
        if settings.sandbox_children and application.engines.get(SANDBOX_ENGINE) is ENGINES[SANDBOX_ENGINE]:
            from semantest_iac.infrastructure.sandbox_engine.child.processes import SandboxChildren

            children = SandboxChildren(application.home, settings.sandbox_children)
            exits.push_async_callback(children.close)
            children.start_ahead()
            views = views._replace(place_engine=_place_sandbox_in(children, application.secrets(variables)))
        worker = application.worker(variables, views)
        events = _open_event_services(application, variables, settings, views, report_received)
        health = WorkerHealth(worker, _list_checks(application), find_transport_faults=events.faults)
        url = None
        if settings.health_address:
            from semantest_iac.presentation.health.server import HealthAddress, serve_health

            address = HealthAddress(*settings.health_address, settings.is_remote_health_allowed)
            url = await exits.enter_async_context(serve_health(health, address))
        scheduler = build_drift_scheduler(application, variables, views, settings.drift_period_s)
        yield WorkerService(worker, health, [scheduler.serve, *events.beside], url)


def _open_event_services(
    application: WorkerParts,
    variables: Mapping[str, str],
    settings: WorkerSettings,
    views: WorkerViews,
    report_received: ReportReceived,
) -> EventServices:
    manifest = HomeManifest(application.home)
    if not settings.receives_events:
        return EventServices()
    return open_event_services(application, manifest, variables, settings, views, report_received)


def _place_sandbox_in(children: SandboxChildren, secrets: SecretStore) -> PlaceEngine:
    """Return what lets the sandbox work in children, where a program that crashes or hangs stops nothing else."""
    from semantest_iac.infrastructure.sandbox_engine.child.engine import ChildSandboxEngine

    def place(choice: EngineChoice, provisioner: Provisioner) -> Provisioner:
        if choice.engine != SANDBOX_ENGINE:
            return provisioner
        return ChildSandboxEngine(children, partial(reveal_planned_secret, secrets))

    return place


class RunTelemetry(Protocol):
    """What takes everything that a worker does, for a collector."""

    def observe_event(self, event: Event) -> None: ...

    def report_run(self, lease: RunLease, change: RunChange) -> None: ...

    def follow_run(self, lease: RunLease) -> ReportProgress: ...

    @property
    def report_received(self) -> ReportReceived: ...

    def close(self) -> None: ...


def add_telemetry(views: WorkerViews, telemetry: RunTelemetry) -> WorkerViews:
    """Return the views, and the telemetry beside them."""

    def report_run(lease: RunLease, change: RunChange) -> None:
        views.report_run(lease, change)
        telemetry.report_run(lease, change)

    observers = [*views.observers, telemetry.observe_event]
    return views._replace(observers=observers, report_run=report_run, follow_run=telemetry.follow_run)


def _report_to_both(first: ReportReceived, second: ReportReceived) -> ReportReceived:
    def report(
        message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None:
        first(message, event, results, reason)
        second(message, event, results, reason)

    return report


def _open_telemetry(application: ApplicationParts, variables: Mapping[str, str]) -> RunTelemetry | None:
    """Return what sends telemetry where the environment names a collector, as every program with OpenTelemetry does."""
    from semantest_iac.infrastructure.telemetry.settings import find_telemetry_fault, is_telemetry_wanted

    if not is_telemetry_wanted(os.environ):
        return None
    if fault := find_telemetry_fault(os.environ):
        _LOG.warning("Telemetry is not sent: %s.", fault)
        return None
    from semantest_iac.application.queries.queue_figures import measure_queue
    from semantest_iac.infrastructure.telemetry.exporting import DeploymentStart, WorkerTelemetry, open_exporters

    ledger = application.ledger

    def find_start(deployment: str) -> DeploymentStart | None:
        row = ledger.deployment(deployment)
        return DeploymentStart(datetime.fromisoformat(row.requested_at), row.kind) if row else None

    return WorkerTelemetry(
        open_exporters(os.environ),
        str(identify_worker()),
        find_start,
        lambda: measure_queue(application.run_queue, ledger, datetime.now(UTC)),
        application.redactor(variables),
    )


def _list_checks(application: ApplicationParts) -> Mapping[str, RunCheck]:
    async def check_ledger() -> None:
        await to_thread(application.ledger.head)

    return {
        "ledger": check_ledger,
        "queue": application.run_queue.require_usable,
        "disk": partial(to_thread, application.stack_locks.require_room),
        "packages": partial(to_thread, _require_package_store, application.artifact_store),
    }


def _require_package_store(store: ArtifactStore) -> None:
    """Raise ArtifactStoreError where the store does not answer."""
    try:
        store.fetch(_NO_PACKAGE)
    except ArtifactError:
        return
