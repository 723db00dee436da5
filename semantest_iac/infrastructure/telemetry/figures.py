"""The figures of a worker: deployments by outcome, how long they and their steps take, and the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from semantest_iac.application.queries.queue_figures import QueueFigures
from semantest_iac.application.worker import RunChange
from semantest_iac.domain.deployment.events import StepFailed, StepIntended, StepObserved
from semantest_iac.infrastructure.telemetry.traces import INSTRUMENTATION
from semantest_iac_events.event import StackEvent

ReadQueue = Callable[[], QueueFigures]


class WorkerFigures:
    """Counts and measures; the queue is read when the figures are collected."""

    def __init__(self, provider: MeterProvider, read_queue: ReadQueue) -> None:
        meter = provider.get_meter(INSTRUMENTATION)
        self._read_queue = read_queue
        self._step_begins: dict[str, datetime] = {}
        self._deployments = meter.create_counter("semantest.deployments", description="Ended deployments.")
        self._durations = meter.create_histogram(
            "semantest.deployment.duration", "s", "From the request of a deployment to its end."
        )
        self._steps = meter.create_histogram("semantest.step.duration", "s", "How long a step took.")
        self._runs = meter.create_counter(
            "semantest.runs", description="What became of runs: claimed, ended, lost to another worker, and so on."
        )
        self._takeovers = meter.create_counter(
            "semantest.run.takeovers", description="Runs that a worker had begun before this one."
        )
        self._events = meter.create_counter(
            "semantest.events.received", description="Received events, by their source and by what they led to."
        )
        meter.create_observable_gauge(
            "semantest.queue.length",
            [self._observe_length],
            description="Requests that have not ended, by their state.",
        )
        meter.create_observable_gauge(
            "semantest.queue.oldest_age", [self._observe_age], "s", "How long the oldest request waits."
        )

    def count_run(self, change: RunChange, attempts: int) -> None:
        """Count what became of a run, and a claim of one that had been begun."""
        self._runs.add(1, {"semantest.run.change": change})
        if change == "claimed" and attempts > 1:
            self._takeovers.add(1)

    def count_event(self, source: str, outcome: str) -> None:
        """Count a received event, or a message that is a dead letter."""
        self._events.add(1, {"semantest.source": source, "semantest.outcome": outcome})

    def measure_step(self, event: StackEvent) -> None:
        """Measure a step when it ends."""
        if isinstance(event, StepIntended):
            self._step_begins[event.deployment_id] = event.occurred_at
        elif isinstance(event, StepObserved | StepFailed):
            began = self._step_begins.pop(event.deployment_id, None)
            if began is not None:
                outcome = "failed" if isinstance(event, StepFailed) else "succeeded"
                attributes = {"semantest.step": event.step, "semantest.outcome": outcome}
                self._steps.record(max(0.0, (event.occurred_at - began).total_seconds()), attributes)

    def measure_deployment(self, event: StackEvent, kind: str, outcome: str, requested_at: datetime) -> None:
        """Count an ended deployment and measure it."""
        self._step_begins.pop(event.deployment_id, None)
        attributes = {
            "semantest.kind": kind,
            "semantest.outcome": outcome,
            "semantest.provider": event.provider,
            "semantest.environment": event.environment,
        }
        self._deployments.add(1, attributes)
        self._durations.record(max(0.0, (event.occurred_at - requested_at).total_seconds()), attributes)

    def _observe_length(self, options: CallbackOptions) -> Iterable[Observation]:
        for state, count in self._read_queue().runs_by_state.items():
            yield Observation(count, {"semantest.run.state": state})

    def _observe_age(self, options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._read_queue().oldest_age_s)
