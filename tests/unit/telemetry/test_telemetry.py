"""The spans and figures that the runs of a worker leave; the collector alone is in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.intake.received_events import read_received_event
from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.application.ports.run_queue import FIRST_COME, QueuedRun, RunLease
from semantest_iac.application.queries.queue_figures import measure_queue
from semantest_iac.application.trace_ids import derive_root_span_id, derive_trace_id
from semantest_iac.bootstrap.deployments import WorkerViews
from semantest_iac.bootstrap.worker_service import add_telemetry
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.telemetry.exporting import DeploymentStart, TelemetryExporters, WorkerTelemetry
from semantest_iac.infrastructure.telemetry.settings import find_telemetry_fault, is_exported, is_telemetry_wanted
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.application import REST, SECRET, VARIABLES, InMemoryApp, configuration_of
from tests.fakes.memory_ledger import an_event


@dataclass
class TracedApp:
    """The application in memory, and what its workers send."""

    app: InMemoryApp = field(default_factory=InMemoryApp)
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def open_telemetry(self) -> WorkerTelemetry:
        """Return the telemetry of one worker."""

        def find_start(deployment: str) -> DeploymentStart | None:
            row = self.app.ledger.deployment(deployment)
            return DeploymentStart(datetime.fromisoformat(row.requested_at), row.kind) if row else None

        return WorkerTelemetry(
            TelemetryExporters((SimpleSpanProcessor(self.spans),), (self.reader,)),
            "worker-1",
            find_start,
            lambda: measure_queue(self.app.queue, self.app.ledger, datetime.now(UTC)),
            self.app.application.redactor(VARIABLES),
        )

    async def submit(self) -> str:
        """Queue a deployment."""
        row = await self.app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        return row.deployment

    async def work(self, telemetry: WorkerTelemetry | None = None) -> None:
        """Carry out what is queued."""
        views = add_telemetry(WorkerViews(), telemetry or self.open_telemetry())
        await self.app.application.worker(VARIABLES, views).run_until_idle()

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the ended spans with this name."""
        return [span for span in self.spans.get_finished_spans() if span.name == name]

    def figures(self, name: str) -> dict[tuple[tuple[str, Any], ...], Any]:
        """Return the points of a metric by their attributes."""
        data: Any = self.reader.get_metrics_data()
        metrics = [it for resource in data.resource_metrics for scope in resource.scope_metrics for it in scope.metrics]
        points = [point for it in metrics if it.name == name for point in it.data.data_points]
        return {tuple(sorted(dict(it.attributes or {}).items())): getattr(it, "value", None) for it in points}


@pytest.fixture
def traced() -> TracedApp:
    return TracedApp()


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


class TestTraces:
    async def test_have_a_span_for_each_step_and_each_resource(self, traced: TracedApp) -> None:
        deployment = await traced.submit()
        await traced.work()

        spans = traced.spans.get_finished_spans()
        [root], [run] = traced.named("deployment"), traced.named("run")
        steps = {span.name: span for span in spans if span.name.startswith("step ")}
        creates = traced.named("create fake")
        assert {format_trace_id(span.context.trace_id) for span in spans} == {derive_trace_id(deployment)}
        assert (format_span_id(root.context.span_id), root.parent) == (derive_root_span_id(deployment), None)
        assert _parent(run) == root.context.span_id
        assert {_parent(span) for span in steps.values()} == {run.context.span_id}
        assert {"step validate", "step build_artifact", "step preview", "step apply", "step verify"} <= steps.keys()
        assert {_parent(span) for span in creates} == {steps["step apply"].context.span_id}
        assert len(creates) > 3
        assert (root.status.status_code, (root.attributes or {})["semantest.outcome"]) == (StatusCode.OK, "completed")

    async def test_say_which_step_failed_and_why(self, traced: TracedApp) -> None:
        await traced.submit()
        refusal = ProviderError(f"Cannot create it: {SECRET} is no key.", "QUOTA", provider="aws")
        traced.app.points.fail("apply:function", refusal)
        await traced.work()

        [root], [apply] = traced.named("deployment"), traced.named("step apply")
        assert (root.status.status_code, apply.status.status_code) == (StatusCode.ERROR, StatusCode.ERROR)
        assert "QUOTA" in str(apply.status.description)
        assert all(SECRET not in span.to_json() for span in traced.spans.get_finished_spans())
        assert "***" in str(apply.status.description)

    async def test_go_on_in_another_worker(self, traced: TracedApp) -> None:
        request = DeploymentRequested(
            component="rest-api", provider="aws", environment="development", region="us-east-1"
        )
        await traced.app.bus.record(request)
        for kind, data in (("deployment.started", {}), ("journal.step.intended", {"step": "validate"})):
            await traced.app.ledger.append(str(REST), None, [an_event(kind, request.deployment_id, data=data)])
        left = QueuedRun(1, request.deployment_id, str(REST), "retrying", 0, 1, None, None, is_cancelled=False)
        traced.app.queue.runs[request.deployment_id] = left
        await traced.work()

        [root], [run] = traced.named("deployment"), traced.named("run")
        assert format_trace_id(root.context.trace_id) == derive_trace_id(request.deployment_id)
        assert (run.attributes or {})["semantest.attempt"] == 2
        assert root.start_time is not None and abs(root.start_time / 1e9 - request.occurred_at.timestamp()) < 1
        assert "infrastructure.journal.run.resumed" in [event.name for event in run.events]
        assert list(traced.figures("semantest.run.takeovers").values()) == [1]

    async def test_end_with_a_lost_lease(self, traced: TracedApp) -> None:
        deployment = await traced.submit()
        telemetry, lease = traced.open_telemetry(), RunLease(deployment, str(REST), 1, 1)
        telemetry.report_run(lease, "claimed")
        telemetry.follow_run(lease)(ResourceProgress("urn:a", "fake", "a", "create", "running"))
        telemetry.report_run(lease, "lost")

        [run], [create] = traced.named("run"), traced.named("create fake")
        assert (run.status.status_code, (run.attributes or {})["semantest.run.end"]) == (StatusCode.ERROR, "lost")
        assert (_parent(create), traced.named("deployment")) == (run.context.span_id, [])


class TestFigures:
    async def test_count_deployments_by_their_outcome(self, traced: TracedApp) -> None:
        telemetry = traced.open_telemetry()
        await traced.submit()
        await traced.work(telemetry)
        await traced.submit()
        traced.app.points.fail("preview", ProviderError("no", provider="aws"))
        await traced.work(telemetry)

        outcomes = {dict(key)["semantest.outcome"]: n for key, n in traced.figures("semantest.deployments").items()}
        assert outcomes == {"completed": 1, "failed": 1}

    async def test_show_the_queue(self, traced: TracedApp) -> None:
        await traced.submit()
        telemetry = traced.open_telemetry()

        lengths = traced.figures("semantest.queue.length")
        assert {dict(key)["semantest.run.state"]: n for key, n in lengths.items()} == {
            "waiting": 1,
            "running": 0,
            "parked": 0,
            "retrying": 0,
            "checking": 0,
        }
        assert all(age >= 0 for age in traced.figures("semantest.queue.oldest_age").values())
        telemetry.close()


class TestFailures:
    async def test_reach_no_deployment(self, traced: TracedApp, monkeypatch: pytest.MonkeyPatch) -> None:
        deployment, telemetry = await traced.submit(), traced.open_telemetry()

        def fail(*_: object) -> None:
            raise RuntimeError("a defect")

        for name in ("begin_run", "add_event", "add_progress", "end_deployment", "end_run"):
            monkeypatch.setattr(telemetry._traces, name, fail)
        await traced.work(telemetry)

        row = traced.app.ledger.deployment(deployment)
        assert row is not None and row.state == "completed"


class TestSettings:
    @pytest.mark.parametrize(
        ("variables", "sent"),
        [
            ({}, []),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}, ["traces", "metrics"]),
            ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4317"}, ["traces"]),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_SDK_DISABLED": "True"}, []),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_METRICS_EXPORTER": "none"}, ["traces"]),
        ],
    )
    def test_follow_the_standard_variables(self, variables: dict[str, str], sent: list[str]) -> None:
        assert [name for name in ("traces", "metrics") if is_exported(name, variables)] == sent
        assert is_telemetry_wanted(variables) == bool(sent)

    def test_refuse_another_protocol(self) -> None:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}

        assert find_telemetry_fault(variables) == ""
        assert "use grpc" in find_telemetry_fault({**variables, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})


class TestTraceIds:
    @pytest.mark.parametrize("deployment", ["d1", "00000000-0000-0000-0000-000000000000", "ä" * 200])
    def test_are_valid_for_every_id(self, deployment: str) -> None:
        trace, span = derive_trace_id(deployment), derive_root_span_id(deployment)

        assert (len(trace), len(span)) == (32, 16)
        assert int(trace, 16) and int(span, 16)

    def test_are_the_digits_of_a_uuid(self) -> None:
        assert derive_trace_id("5f2c91d0-0000-4000-8000-00000000000a") == "5f2c91d000004000800000000000000a"


class TestReceivedEvents:
    def test_are_counted_by_source_and_outcome(self, traced: TracedApp) -> None:
        telemetry, message = traced.open_telemetry(), ReceivedMessage("core", b"{}")
        event = read_received_event({"type": "ServerError", "payload": {}}, "core")
        telemetry.report_received(message, event, [EventResult("accepted"), EventResult("refused")])
        telemetry.report_received(message, event, [EventResult("accepted")])
        telemetry.report_received(message, None, (), "no JSON")

        assert sorted(traced.figures("semantest.events.received").values()) == [1, 1, 2]
