"""A policy pack without the library of packs, which these tests do without: it forbids logs that are kept for days.

Pulumi runs a copy of this file; the file `level` beside the copy has the level at which the policy is enforced.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

PACK, POLICY = "test-pack", "log-retention"
_LOGS, _DAYS = "aws:cloudwatch/logGroup:LogGroup", 30
_LEVELS = {"advisory": analyzer_pb2.ADVISORY, "mandatory": analyzer_pb2.MANDATORY}


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers what the engine asks a pack."""

    def __init__(self, level: str) -> None:
        self._level = _LEVELS[level]

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:
        policy = analyzer_pb2.PolicyInfo(name=POLICY, description="Logs are kept.", enforcementLevel=self._level)
        return analyzer_pb2.AnalyzerInfo(name=PACK, version="1.0.0", policies=[policy])

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Handshake(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def Configure(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Analyze(self, request: Any, context: Any) -> Any:
        answer = analyzer_pb2.AnalyzeResponse()
        days = dict(request.properties).get("retentionInDays", 0)
        if request.type == _LOGS and days < _DAYS:
            answer.diagnostics.add(
                policyName=POLICY,
                policyPackName=PACK,
                policyPackVersion="1.0.0",
                message=f"Logs are kept for {days:.0f} days.",
                enforcementLevel=self._level,
                urn=request.urn,
            )
        return answer

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.AnalyzeResponse()

    def Remediate(self, request: Any, context: Any) -> Any:
        return analyzer_pb2.RemediateResponse()


def serve() -> None:
    """Serve the pack until the engine ends the process."""
    server = grpc.server(ThreadPoolExecutor(4))
    folder = Path(__file__).parent
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer((folder / "level").read_text().strip()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    (folder / "environment").write_text("\n".join(sorted(os.environ)))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    serve()
