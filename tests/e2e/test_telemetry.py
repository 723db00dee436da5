"""What a worker process sends to a collector, and what one that does not answer changes: nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Workspace
from tests.telemetry_receiver import ReceivedTelemetry, accept_and_never_answer, receive_telemetry

_DEPLOY = ("deploy", "rest-api", "--json")
_TIMEOUT_S = 60.0
_CANARY = "canary-7391-kite"
_SERVICE = """\
import time

def handler(event, context):
    time.sleep({seconds})
    return {{"statusCode": {status}, "body": "{canary}"}}
"""
_CONFIGURATION = "components:\n  rest-api: {source: api, handler: app.handler, runtime: python3.13}\n"


def _workspace(folder: Path, collector: str, seconds: float = 0, status: int = 200) -> Workspace:
    (folder / "api").mkdir()
    (folder / "api" / "app.py").write_text(_SERVICE.format(seconds=seconds, status=status, canary=_CANARY))
    (folder / "semantest.yaml").write_text(_CONFIGURATION)
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "SEMANTEST_SECRET_KEY": _CANARY}
    return Workspace(folder, variables)


def _names(received: ReceivedTelemetry) -> list[str]:
    return [span.name for span in received.spans]


class TestCollectors:
    def test_get_one_trace_for_each_deployment(self, tmp_path: Path) -> None:
        with receive_telemetry() as received:
            workspace = _workspace(tmp_path, received.url)
            deployment = workspace.run(*_DEPLOY, "--detach").json["deployment"]
            assert received.raw == []  # who submits sends nothing
            worker = workspace.run("worker", "--until-idle")

        names = _names(received)
        assert (worker.code, names.count("deployment"), names.count("run")) == (0, 1, 1)
        assert {span.trace_id.hex() for span in received.spans} == {deployment.replace("-", "")}
        assert {"step apply", "step verify", "create aws:lambda/function:Function"} <= set(names)
        known = {span.span_id for span in received.spans}
        assert [span.name for span in received.spans if span.parent_span_id not in known] == ["deployment"]
        metrics = {metric.name for metric in received.metrics}
        assert {"semantest.deployments", "semantest.step.duration", "semantest.queue.length"} <= metrics

    def test_get_a_failure_without_secrets(self, tmp_path: Path) -> None:
        with receive_telemetry() as received:
            workspace = _workspace(tmp_path, received.url, status=500)
            workspace.run(*_DEPLOY, "--detach")
            workspace.run("worker", "--until-idle")

        [root] = [span for span in received.spans if span.name == "deployment"]
        assert received.attributes(root)["semantest.outcome"] == "rolled_back"
        assert _CANARY.encode() not in b"".join(received.raw)

    def test_get_the_same_trace_from_the_worker_that_takes_over(self, tmp_path: Path) -> None:
        with receive_telemetry() as received:
            workspace = _workspace(tmp_path, received.url, seconds=5)
            deployment = workspace.run(*_DEPLOY, "--detach").json["deployment"]
            with workspace.start("worker") as worker:
                deadline = time.monotonic() + _TIMEOUT_S
                while [row["state"] for row in workspace.run("history", "--json").json] != ["verifying"]:
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
                os.kill(worker.pid, signal.SIGKILL)
                worker.wait()
            workspace.run("worker", "--until-idle")

        assert {span.trace_id.hex() for span in received.spans} == {deployment.replace("-", "")}
        assert _names(received).count("deployment") == 1

    @pytest.mark.parametrize("is_there", [True, False], ids=["silent", "away"])
    def test_that_do_not_answer_stop_nothing(self, tmp_path: Path, is_there: bool) -> None:
        with accept_and_never_answer() as url:
            workspace = _workspace(tmp_path, url if is_there else "http://127.0.0.1:9")
            workspace.run(*_DEPLOY, "--detach")
            worker = workspace.run("worker", "--until-idle", "--log-format", "json")

        assert (worker.code, workspace.run("status", "--json").json[0]["state"]) == (0, "completed")
        assert "Traceback" not in worker.err

    def test_of_another_protocol_are_named(self, tmp_path: Path) -> None:
        workspace = _workspace(tmp_path, "http://127.0.0.1:9")
        other = Workspace(tmp_path, {**workspace.variables, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})
        worker = other.run("worker", "--until-idle")

        assert (worker.code, "use grpc" in worker.err) == (0, True)


class TestWorkersWithoutACollector:
    def test_import_no_telemetry(self, workspace: Workspace) -> None:
        worker = Workspace(workspace.folder, {"PYTHONPROFILEIMPORTTIME": "1"}).run("worker", "--until-idle")

        assert (worker.code, "semantest_iac.application.worker" in worker.err) == (0, True)
        assert "semantest_iac.infrastructure.telemetry.exporting" not in worker.err
        assert "opentelemetry.sdk" not in worker.err
