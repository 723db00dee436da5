"""Sends the traces and figures of a worker to the collector that the standard variables of OpenTelemetry name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.application.worker import RunChange
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES, TRANSITIONS, DeploymentStatus
from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.infrastructure.telemetry.figures import ReadQueue, WorkerFigures
from semantest_iac.infrastructure.telemetry.settings import is_exported
from semantest_iac.infrastructure.telemetry.traces import DeploymentIdGenerator, DeploymentTraces
from semantest_iac_events.event import Event, StackEvent

_LOG = logging.getLogger(__name__)
CLOSING_LIMIT_S: Final = 3.0
_FAILING_CHANGES = ("lost", "failed")
_UNSUCCESSFUL = frozenset(DeploymentStatus) - {DeploymentStatus.COMPLETED}


class DeploymentStart(NamedTuple):
    """When a deployment was requested, and whether it is a deploy or a destroy."""

    requested_at: datetime
    kind: str


FindStart = Callable[[str], DeploymentStart | None]
"""Returns the start of a deployment by its id, None for an unknown one."""


class TelemetryExporters(NamedTuple):
    """What takes the ended spans and collects the figures."""

    spans: tuple[SpanProcessor, ...] = ()
    figures: tuple[MetricReader, ...] = ()


class WorkerTelemetry:
    """Takes what a worker records and reports; nothing that fails here reaches the worker."""

    def __init__(
        self,
        exporters: TelemetryExporters,
        worker: str,
        find_start: FindStart,
        read_queue: ReadQueue,
        redact: Callable[[str], str],
    ) -> None:
        ids, resource = DeploymentIdGenerator(), Resource.create({"service.instance.id": worker})
        self._tracer_provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        for processor in exporters.spans:
            self._tracer_provider.add_span_processor(processor)
        self._meter_provider = MeterProvider(exporters.figures, resource, shutdown_on_exit=False)
        self._traces = DeploymentTraces(self._tracer_provider, ids, redact)
        self._figures = WorkerFigures(self._meter_provider, read_queue)
        self._worker = worker
        self._find_start = find_start
        self._starts: dict[str, DeploymentStart] = {}

    def observe_event(self, event: Event) -> None:
        """Take a recorded event of a run."""
        if not isinstance(event, StackEvent) or event.deployment_id not in self._starts:
            return
        self._traces.add_event(event)
        self._figures.measure_step(event)
        if event.type_name in TERMINAL_EVENT_TYPES:
            status, start = TRANSITIONS[event.type_name][1], self._starts[event.deployment_id]
            self._traces.end_deployment(event, str(status), is_success=status not in _UNSUCCESSFUL)
            self._figures.measure_deployment(event, start.kind, str(status), start.requested_at)

    def report_run(self, lease: RunLease, change: RunChange) -> None:
        """Take what a worker does with a run."""
        try:
            self._figures.count_run(change, lease.attempts)
            if change == "claimed":
                self._begin_run(lease)
            else:
                self._starts.pop(lease.deployment, None)
                self._traces.end_run(lease.deployment, change, is_failure=change in _FAILING_CHANGES)
        except Exception as error:
            _LOG.warning("Telemetry of a run failed: %s.", type(error).__name__)

    def report_received(
        self, message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None:
        """Take what became of a received message."""
        for outcome in ["dead_letter"] if event is None else [result.outcome for result in results]:
            self._figures.count_event(message.source, outcome)

    def follow_run(self, lease: RunLease) -> ReportProgress:
        """Return what takes the progress of a run."""

        def report(progress: ResourceProgress) -> None:
            self._traces.add_progress(lease.deployment, progress)

        return report

    def close(self, limit_s: float = CLOSING_LIMIT_S) -> None:
        """Send what is left, within a time: a collector that does not answer is not waited for."""
        closing = threading.Thread(target=self._shut_down, name="telemetry", daemon=True)
        closing.start()
        closing.join(limit_s)
        if closing.is_alive():
            _LOG.warning("The collector did not take the last telemetry within %g seconds.", limit_s)

    def _begin_run(self, lease: RunLease) -> None:
        start = self._find_start(lease.deployment)
        if start is not None:
            self._starts[lease.deployment] = start
            self._traces.begin_run(lease, self._worker, start.requested_at)

    def _shut_down(self) -> None:
        for provider in (self._tracer_provider, self._meter_provider):
            try:
                provider.shutdown()
            except Exception as error:
                _LOG.warning("Telemetry could not be closed: %s.", type(error).__name__)


def open_exporters(variables: Mapping[str, str]) -> TelemetryExporters:
    """Return what sends spans and figures to the collector, as the standard variables say."""
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return TelemetryExporters(
        (BatchSpanProcessor(OTLPSpanExporter()),) if is_exported("traces", variables) else (),
        (PeriodicExportingMetricReader(OTLPMetricExporter()),) if is_exported("metrics", variables) else (),
    )
