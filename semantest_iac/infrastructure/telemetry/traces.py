"""One trace for each deployment: a span for each run of it, each step and each operation on a resource."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.application.trace_ids import derive_root_span_id, derive_trace_id
from semantest_iac.domain.deployment.events import StepFailed, StepIntended, StepObserved
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac_events.event import StackEvent, StackFailure

INSTRUMENTATION = "semantest_iac"
ROOT_SPAN = "deployment"
_SHOWN_AS_STEPS = ("plan", "apply", "rollback")  # of the progress: the journal has the same steps
_NS_PER_S = 1_000_000_000


class DeploymentIdGenerator(RandomIdGenerator):
    """Gives the root span of a deployment the ids that every process derives, and all other spans random ones."""

    def __init__(self) -> None:
        self._next = threading.local()

    def derive_next_from(self, deployment: str) -> None:
        """Give the next root span of this thread the ids of the deployment."""
        self._next.ids = int(derive_trace_id(deployment), 16), int(derive_root_span_id(deployment), 16)

    def generate_trace_id(self) -> int:
        """Return the derived id once, as tracers ask for the trace first."""
        return self._next.ids[0] if getattr(self._next, "ids", None) else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the derived id once."""
        ids, self._next.ids = getattr(self._next, "ids", None), None
        return ids[1] if ids else super().generate_span_id()


@dataclass(slots=True)
class _RunTrace:
    """The open spans of one run."""

    span: Span
    requested_at_ns: int
    attributes: Mapping[str, Any]
    step: Span | None = None
    operations: dict[str, Span] = field(default_factory=dict)


class DeploymentTraces:
    """Turns what is recorded and reported of runs into spans; its methods are called from any thread.

    Whoever carries a deployment on writes to the same trace. The span of the deployment is that of its whole time, and
    is written with its terminal event; its runs are below it, those of killed workers without a span of their own.
    """

    def __init__(self, provider: TracerProvider, ids: DeploymentIdGenerator, redact: Callable[[str], str]) -> None:
        self._tracer: Tracer = provider.get_tracer(INSTRUMENTATION)
        self._sampler = provider.sampler
        self._ids = ids
        self._redact = redact
        self._runs: dict[str, _RunTrace] = {}
        self._lock = threading.Lock()

    def begin_run(self, lease: RunLease, worker: str, requested_at: datetime) -> None:
        """Open the span of a run."""
        attributes = {"semantest.deployment": lease.deployment, "semantest.stack": lease.stack}
        span = self._tracer.start_span(
            "run",
            set_span_in_context(NonRecordingSpan(self._derive_root(lease.deployment))),
            kind=SpanKind.CONSUMER,
            attributes={**attributes, "semantest.attempt": lease.attempts, "semantest.worker": self._redact(worker)},
        )
        with self._lock:
            self._runs[lease.deployment] = _RunTrace(span, to_nanoseconds(requested_at), attributes)

    def add_event(self, event: StackEvent) -> None:
        """Begin or end a step, or note the event in the span of the run."""
        with self._lock:
            run = self._runs.get(event.deployment_id)
            if run is None:
                return
            moment = to_nanoseconds(event.occurred_at)
            if isinstance(event, StepIntended):
                _end_spans(run, moment)
                run.step = self._start_below(run.span, f"step {event.step}", run.attributes, moment)
            elif isinstance(event, StepObserved | StepFailed):
                _end_spans(run, moment, self._find_failure(event))
            else:
                run.span.add_event(event.type_name, self._describe_failure(event), timestamp=moment)

    def add_progress(self, deployment: str, progress: ResourceProgress) -> None:
        """Begin or end the span of an operation on a resource, or of a step beside the journal's."""
        if progress.op in _SHOWN_AS_STEPS:
            return
        with self._lock:
            run = self._runs.get(deployment)
            if run is None:
                return
            span = run.operations.pop(progress.urn, None)
            if span is None:
                began = time_ns() - int(progress.seconds * _NS_PER_S)
                span = self._start_below(run.step or run.span, _name_operation(progress), run.attributes, began)
                span.set_attributes(self._describe_operation(progress))
            if progress.state == "running":
                run.operations[progress.urn] = span
                return
            if progress.state != "done":
                span.set_status(StatusCode.ERROR)
            span.end()

    def end_deployment(self, event: StackEvent, outcome: str, *, is_success: bool) -> None:
        """Write the span of the deployment at its terminal event."""
        with self._lock:
            run = self._runs.get(event.deployment_id)
            if run is None:
                return
            end = to_nanoseconds(event.occurred_at)
            _end_spans(run, end)
            self._ids.derive_next_from(event.deployment_id)
            root = self._tracer.start_span(
                ROOT_SPAN,
                Context(),
                attributes={
                    **run.attributes,
                    "semantest.outcome": outcome,
                    "semantest.correlation_id": self._redact(event.correlation_id),
                },
                start_time=run.requested_at_ns,
            )
            status = Status(StatusCode.OK) if is_success else self._find_failure(event)
            if status is not None:
                root.set_status(status)
            root.end(max(end, run.requested_at_ns))

    def end_run(self, deployment: str, change: str, *, is_failure: bool) -> None:
        """Close the span of a run as its worker leaves it, with all that is still open below."""
        with self._lock:
            run = self._runs.pop(deployment, None)
            if run is None:
                return
            failure = Status(StatusCode.ERROR, f"the run was {change}") if is_failure else None
            _end_spans(run, time_ns(), failure)
            run.span.set_attribute("semantest.run.end", change)
            if failure:
                run.span.set_status(failure)
            run.span.end()

    def _derive_root(self, deployment: str) -> SpanContext:
        """Return the context of the deployment's span, sampled as that will be."""
        trace, span = int(derive_trace_id(deployment), 16), int(derive_root_span_id(deployment), 16)
        sampled = self._sampler.should_sample(None, trace, ROOT_SPAN).decision is Decision.RECORD_AND_SAMPLE
        return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED if sampled else 0))

    def _start_below(self, parent: Span, name: str, attributes: Mapping[str, Any], began: int) -> Span:
        return self._tracer.start_span(name, set_span_in_context(parent), attributes=attributes, start_time=began)

    def _describe_operation(self, progress: ResourceProgress) -> Mapping[str, str]:
        if progress.is_step:
            return {"semantest.detail": self._redact(progress.name)}
        return {
            "semantest.operation": progress.op,
            "semantest.resource.type": progress.type,
            "semantest.resource.name": self._redact(progress.name),
            "semantest.resource.urn": self._redact(progress.urn),
        }

    def _describe_failure(self, event: StackEvent) -> Mapping[str, str]:
        if not isinstance(event, StackFailure):
            return {}
        return {"semantest.error.code": event.code, "semantest.error.reason": self._redact(event.reason)}

    def _find_failure(self, event: StackEvent) -> Status | None:
        if not isinstance(event, StackFailure):
            return None
        return Status(StatusCode.ERROR, self._redact(f"{event.code}: {event.reason}"))


def to_nanoseconds(moment: datetime) -> int:
    """Return the nanoseconds since 1970 in UTC."""
    return int(moment.astimezone(UTC).timestamp() * _NS_PER_S)


def _name_operation(progress: ResourceProgress) -> str:
    return progress.op if progress.is_step else f"{progress.op} {progress.type}"


def _end_spans(run: _RunTrace, moment: int, failure: Status | None = None) -> None:
    """End the step of a run, with the operations in it that nobody has ended."""
    for operation in run.operations.values():
        operation.end(moment)
    run.operations.clear()
    if run.step is not None:
        if failure is not None:
            run.step.set_status(failure)
        run.step.end(moment)
        run.step = None
