"""What the platforms add to the log of a call."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, LogSettings
from semantest_iac.infrastructure.function_runtimes.platform_logs import CallRecord, FunctionsHostLog, LambdaLog

SPEC = FunctionSpec(Path("package"), "app.handler", "python3.13", timeout_s=3, version="7")
JSON_SPEC = replace(SPEC, log_settings=LogSettings(is_json=True))
APP = FunctionSpec(Path("package"), "", "nodejs22.x", timeout_s=29, platform="functions")
ID = "0ec4e9d5-5a07-4ab9-a1c2-ad41dd0bd0cb"
CALL = CallRecord(ID, "item", datetime(2026, 10, 8, 6, 53, 49, 280000, UTC), 3.01, memory_mb=36)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
IMPORT_ERROR = {"errorType": "Runtime.ImportModuleError", "errorMessage": "Unable to import module 'app'"}


def write_log(log: LambdaLog | FunctionsHostLog, spec: FunctionSpec, call: CallRecord) -> str:
    return log.format_opening(spec, call) + "printed\n" + log.format_closing(spec, call)


def ended_with(log: LambdaLog, status: int) -> CallRecord:
    return replace(CALL, error=log.describe_exit(SPEC, CALL, status))


class TestLambdaLog:
    """Source of the lines: LocalStack's recordings of AWS (test_lambda.snapshot.json), unless a test names another."""

    def test_surrounds_a_call(self) -> None:
        assert write_log(LambdaLog(), SPEC, CALL) == (
            f"START RequestId: {ID} Version: 7\nprinted\nEND RequestId: {ID}\n"
            f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB"
            "\tMax Memory Used: 36 MB\t\n"
        )

    def test_bills_the_start_of_a_process(self) -> None:
        """Source: AWS, billing of the INIT phase since August 2025; logs of 2026: 3923.569 + 145.399 -> 4069."""
        call = replace(CALL, duration_ms=2000.569, init_ms=145.399, earlier_output="while loading\n")

        log = write_log(LambdaLog(), SPEC, call)

        assert log.startswith(f"while loading\nSTART RequestId: {ID} Version: 7\n")
        assert "\tBilled Duration: 2146 ms\t" in log
        assert log.endswith("\tMax Memory Used: 36 MB\tInit Duration: 145.40 ms\t\n")

    def test_reports_a_timeout(self) -> None:
        """Source of the status: logs of the real service since 2024, which write no other line."""
        log = LambdaLog()
        call = replace(CALL, duration_ms=3004.2, error=log.describe_timeout(SPEC, CALL))

        assert call.error == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {ID} Error: Task timed out after 3.00 seconds",
        }
        closing = log.format_closing(SPEC, call)
        assert re.match(rf"{TIME} {ID} Task timed out after 3\.00 seconds\n", closing)
        assert "\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t" in closing
        assert closing.endswith("\tStatus: timeout\t\n")

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (0, "Runtime exited without providing a reason"),
            (1, "Runtime exited with error: exit status 1"),
            (127, "Runtime exited with error: exit status 127"),
            (-9, "Runtime exited with error: signal: killed"),
            (-11, "Runtime exited with error: signal: segmentation fault"),
        ],
    )
    def test_reports_that_the_process_ended(self, status: int, reason: str) -> None:
        log = LambdaLog()
        call = ended_with(log, status)

        assert call.error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {ID} Error: {reason}"}
        closing = log.format_closing(SPEC, call)
        assert closing.startswith(f"RequestId: {ID} Error: {reason}\rRuntime.ExitError\nEND RequestId: {ID}\n")
        assert closing.endswith("\tStatus: error\tError Type: Runtime.ExitError\t\n")

    def test_reports_code_that_cannot_be_loaded(self) -> None:
        """Source: logs of the real service with Runtime.ImportModuleError."""
        call = replace(
            CALL, init_ms=374.97, error=IMPORT_ERROR, is_code_loaded=False, earlier_output="[ERROR] Runtime.I…\n"
        )

        assert LambdaLog().format_opening(SPEC, call) == (
            "[ERROR] Runtime.I…\nINIT_REPORT Init Duration: 374.97 ms\tPhase: init\tStatus: error"
            f"\tError Type: Runtime.ImportModuleError\nSTART RequestId: {ID} Version: 7\n"
        )
        closing = LambdaLog().format_closing(SPEC, call)
        assert "Init Duration" not in closing
        assert closing.endswith("\tStatus: error\tError Type: Runtime.ImportModuleError\t\n")

    def test_gives_an_exception_no_status(self) -> None:
        """Source: LocalStack's recording of a function that raises."""
        call = replace(CALL, error={"errorType": "CustomException", "errorMessage": "some error occurred"})

        assert "Status" not in LambdaLog().format_closing(SPEC, call)


class TestLambdaLogAsJson:
    """Source: logs of the real service in the format JSON, of 2026."""

    def events(self, call: CallRecord, spec: FunctionSpec = JSON_SPEC) -> list[dict[str, Any]]:
        lines = (LambdaLog().format_opening(spec, call) + LambdaLog().format_closing(spec, call)).splitlines()
        return [json.loads(line) for line in lines]

    def test_surrounds_a_call(self) -> None:
        start, report = self.events(replace(CALL, duration_ms=2923.5691, init_ms=145.3994))

        arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
        assert start == {
            "time": "2026-10-08T06:53:49.280Z",
            "type": "platform.start",
            "record": {"requestId": ID, "functionArn": arn, "version": "7"},
        }
        metrics = {"durationMs": 2923.569, "billedDurationMs": 3069, "memorySizeMB": 128, "maxMemoryUsedMB": 36}
        assert report["type"] == "platform.report"
        assert report["record"] == {
            "requestId": ID,
            "metrics": {**metrics, "initDurationMs": 145.399},
            "status": "success",
        }

    def test_reports_a_timeout_and_an_error(self) -> None:
        late = self.events(replace(CALL, error=LambdaLog().describe_timeout(SPEC, CALL)))[-1]
        ended = self.events(ended_with(LambdaLog(), 1))[-1]

        assert late["record"]["status"] == "timeout"
        assert (ended["record"]["status"], ended["record"]["errorType"]) == ("error", "Runtime.ExitError")

    def test_writes_only_failures_from_the_level_warn(self) -> None:
        """Source: the developer guide, log level filtering of system logs."""
        quiet = replace(SPEC, log_settings=LogSettings(is_json=True, system_level="WARN"))

        assert self.events(CALL, quiet) == []
        assert len(self.events(ended_with(LambdaLog(), 1), quiet)) == 1


class TestFunctionsHostLog:
    """Source: the host's function instance logger, and its exceptions as Application Insights shows them."""

    def test_surrounds_a_call(self) -> None:
        assert write_log(FunctionsHostLog(), APP, CALL) == (
            "Executing 'Functions.item' (Reason='This function was programmatically called via the host APIs.', "
            f"Id={ID})\nprinted\nExecuted 'Functions.item' (Succeeded, Id={ID}, Duration=3ms)\n"
        )

    def test_writes_an_exception_as_one_event(self) -> None:
        trace = ['  File "app.py", line 2, in handler\n    raise ValueError("no\\nSTART")\n']
        call = replace(CALL, error={"errorType": "ValueError", "errorMessage": "no\nSTART", "stackTrace": trace})

        assert FunctionsHostLog().format_closing(APP, call).split("\n")[1:] == [
            "Exception while executing function: Functions.item\rResult: Failure\rException: ValueError: no\rSTART"
            '\rStack:   File "app.py", line 2, in handler\r    raise ValueError("no\\nSTART")',
            "",
        ]

    def test_reports_timeouts_and_exits(self) -> None:
        log = FunctionsHostLog()

        assert log.describe_timeout(APP, CALL)["errorMessage"] == (
            "Timeout value of 00:00:29 was exceeded by function: Functions.item"
        )
        assert log.describe_exit(APP, CALL, 1)["errorMessage"] == "node exited with code 1 (0x1)"
        assert log.describe_exit(APP, CALL, -9)["errorMessage"] == "node exited with code 137 (0x89)"

    def test_reports_an_app_that_cannot_be_loaded(self) -> None:
        error = {"errorType": "ModuleNotFoundError", "errorMessage": "No module named 'x'", "stackTrace": []}
        call = replace(CALL, error=error, is_code_loaded=False, earlier_output="printed\n")

        assert FunctionsHostLog().format_opening(APP, call) == "printed\n"
        assert (
            FunctionsHostLog().format_closing(APP, call).startswith("The worker cannot load the functions\rResult: F")
        )
