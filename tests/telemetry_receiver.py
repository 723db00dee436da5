"""A collector that takes telemetry by OTLP over gRPC, as a real one does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass
class ReceivedTelemetry:
    """What came, decoded from its wire form."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def attributes(self, span: Any) -> dict[str, str]:
        """Return the texts among the attributes of a span."""
        return {it.key: it.value.string_value for it in span.attributes}


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, received: ReceivedTelemetry) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:
        self._received.raw.append(request.SerializeToString())
        for resource in request.resource_spans:
            self._received.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, received: ReceivedTelemetry) -> None:
        self._received = received

    def Export(self, request: Any, context: Any) -> Any:
        self._received.raw.append(request.SerializeToString())
        for resource in request.resource_metrics:
            self._received.metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]
        return metrics_service_pb2.ExportMetricsServiceResponse()


@contextmanager
def receive_telemetry() -> Iterator[ReceivedTelemetry]:
    """Take telemetry on a port of this machine for the block."""
    received = ReceivedTelemetry()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(received), server)  # type: ignore[no-untyped-call]
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(received), server)  # type: ignore[no-untyped-call]
    received.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(grace=0).wait()


@contextmanager
def accept_and_never_answer() -> Iterator[str]:
    """Accept connections on a port of this machine for the block, read nothing and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in accepted:
                connection.close()
