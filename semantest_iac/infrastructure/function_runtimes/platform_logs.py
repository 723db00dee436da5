"""Writes what a platform adds to the log of a call, and describes failures that no code of the function can report.

Sources for Lambda: START, END, REPORT and the errors in LocalStack's recordings of the real service (2022-2026), the
signals as Go names them (AWS's runtime interface emulator), the billed initialization (since August 2025) and the
events of the log format JSON in logs of 2026. For Azure: the host's own source, its function instance logger.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any, Protocol

from semantest_iac.infrastructure.function_runtimes.function_spec import PROCESS_EXITED, TIMED_OUT, FunctionSpec

ErrorObject = Mapping[str, Any]
_SUCCESS, _ERROR, _TIMEOUT = "success", "error", "timeout"
_QUIET_SYSTEM_LEVELS = ("WARN", "ERROR")
_FUNCTION_REASON = "This function was programmatically called via the host APIs."


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call when it has ended.

    `earlier_output` is what the process wrote since the last call. `init_ms` is how long the process took to start,
    None if it was warm. With `is_code_loaded` False, the function's code could not be loaded.
    """

    request_id: str
    function: str = ""
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    duration_ms: float = 0.0
    earlier_output: str = ""
    init_ms: float | None = None
    memory_mb: int = 0
    error: ErrorObject | None = None
    is_code_loaded: bool = True


class PlatformLog(Protocol):
    """What a platform writes about a call."""

    def format_opening(self, spec: FunctionSpec, call: CallRecord) -> str:
        """Return the lines before what the function wrote."""
        ...

    def format_closing(self, spec: FunctionSpec, call: CallRecord) -> str:
        """Return the lines after it."""
        ...

    def describe_exit(self, spec: FunctionSpec, call: CallRecord, status: int) -> ErrorObject:
        """Describe that the process ended; a negative status is a signal."""
        ...

    def describe_timeout(self, spec: FunctionSpec, call: CallRecord) -> ErrorObject:
        """Describe that the function did not answer in time."""
        ...


def make_error(kind: str, message: str) -> ErrorObject:
    return {"errorType": kind, "errorMessage": message}


class LambdaLog:
    """Lambda's platform lines, as text or as JSON by the function's log settings."""

    def format_opening(self, spec: FunctionSpec, call: CallRecord) -> str:
        report = "" if call.is_code_loaded else self._report_failed_init(spec, call)
        if not spec.log_settings.is_json:
            start = f"START RequestId: {call.request_id} Version: {spec.version}"
            return f"{_end_line(call.earlier_output)}{_end_line(report)}{start}\n"
        record = {"requestId": call.request_id, "functionArn": spec.arn, "version": spec.version}
        start = "" if self._is_quiet(spec) else _event(call.began_at, "platform.start", record)
        return f"{_end_line(call.earlier_output)}{_end_line(report)}{_end_line(start)}"

    def format_closing(self, spec: FunctionSpec, call: CallRecord) -> str:
        if spec.log_settings.is_json:
            return self._report_as_json(spec, call)
        report = "\t".join([*self._report_fields(spec, call), *self._status_fields(call), ""])
        end = f"END RequestId: {call.request_id}\nREPORT RequestId: {call.request_id}\t{report}\n"
        return f"{self._failure_line(call)}{end}"

    def describe_exit(self, spec: FunctionSpec, call: CallRecord, status: int) -> ErrorObject:
        how = f"signal: {_describe_signal(-status)}" if status < 0 else f"exit status {status}"
        reason = f"Runtime exited with error: {how}" if status else "Runtime exited without providing a reason"
        return make_error(PROCESS_EXITED, f"RequestId: {call.request_id} Error: {reason}")

    def describe_timeout(self, spec: FunctionSpec, call: CallRecord) -> ErrorObject:
        message = f"RequestId: {call.request_id} Error: Task timed out after {spec.timeout_s:.2f} seconds"
        return make_error(TIMED_OUT, message)

    def _report_failed_init(self, spec: FunctionSpec, call: CallRecord) -> str:
        kind = (call.error or {}).get("errorType", "")
        if spec.log_settings.is_json:
            metrics = {"durationMs": round(call.init_ms or 0, 3)}
            record = {"initializationType": "on-demand", "phase": "init", "status": _ERROR, "errorType": kind}
            return _event(call.began_at, "platform.initReport", {**record, "metrics": metrics})
        return f"INIT_REPORT Init Duration: {call.init_ms:.2f} ms\tPhase: init\tStatus: error\tError Type: {kind}"

    def _failure_line(self, call: CallRecord) -> str:
        kind, message = (call.error or {}).get("errorType"), str((call.error or {}).get("errorMessage"))
        if kind == TIMED_OUT:
            moment = _format_time(datetime.now(UTC))
            return f"{moment} {call.request_id} {message.partition(' Error: ')[2]}\n"
        return f"{message}\r{kind}\n" if kind == PROCESS_EXITED else ""

    def _report_fields(self, spec: FunctionSpec, call: CallRecord) -> list[str]:
        metrics = self._metrics(spec, call)
        init = [f"Init Duration: {metrics['initDurationMs']:.2f} ms"] if "initDurationMs" in metrics else []
        return [
            f"Duration: {metrics['durationMs']:.2f} ms",
            f"Billed Duration: {metrics['billedDurationMs']} ms",
            f"Memory Size: {metrics['memorySizeMB']} MB",
            f"Max Memory Used: {metrics['maxMemoryUsedMB']} MB",
            *init,
        ]

    def _status_fields(self, call: CallRecord) -> list[str]:
        """Return the status: an exception that the runtime reported has none."""
        kind = (call.error or {}).get("errorType")
        if kind == TIMED_OUT:
            return ["Status: timeout"]
        is_fatal = kind == PROCESS_EXITED or (kind is not None and not call.is_code_loaded)
        return ["Status: error", f"Error Type: {kind}"] if is_fatal else []

    def _report_as_json(self, spec: FunctionSpec, call: CallRecord) -> str:
        kind = (call.error or {}).get("errorType")
        status = _SUCCESS if kind is None else _TIMEOUT if kind == TIMED_OUT else _ERROR
        if status == _SUCCESS and self._is_quiet(spec):
            return ""
        record = {"requestId": call.request_id, "metrics": self._metrics(spec, call), "status": status}
        details = {"errorType": kind} if status == _ERROR else {}
        return _event(datetime.now(UTC), "platform.report", record | details) + "\n"

    def _metrics(self, spec: FunctionSpec, call: CallRecord) -> dict[str, Any]:
        """Measure a call as Lambda does: since August 2025 the billed duration includes the initialization."""
        init_ms = call.init_ms if call.is_code_loaded else None
        duration_ms = min(call.duration_ms, spec.timeout_s * 1000)
        metrics: dict[str, Any] = {
            "durationMs": round(duration_ms, 3),
            "billedDurationMs": max(1, ceil(duration_ms + (init_ms or 0))),
            "memorySizeMB": spec.memory_mb,
            "maxMemoryUsedMB": call.memory_mb or spec.memory_mb,
        }
        return metrics if init_ms is None else metrics | {"initDurationMs": round(init_ms, 3)}

    def _is_quiet(self, spec: FunctionSpec) -> bool:
        return spec.log_settings.system_level in _QUIET_SYSTEM_LEVELS


class FunctionsHostLog:
    """The lines of the host of Azure Functions."""

    def format_opening(self, spec: FunctionSpec, call: CallRecord) -> str:
        before = _end_line(call.earlier_output)
        if not call.is_code_loaded:
            return before
        return f"{before}Executing '{_name(call)}' (Reason='{_FUNCTION_REASON}', Id={call.request_id})\n"

    def format_closing(self, spec: FunctionSpec, call: CallRecord) -> str:
        if not call.is_code_loaded and call.error:
            return self._describe_exception("The worker cannot load the functions", call.error)
        status = "Failed" if call.error else "Succeeded"
        done = f"Executed '{_name(call)}' ({status}, Id={call.request_id}, Duration={call.duration_ms:.0f}ms)\n"
        return done + (
            self._describe_exception(f"Exception while executing function: {_name(call)}", call.error)
            if call.error
            else ""
        )

    def describe_exit(self, spec: FunctionSpec, call: CallRecord, status: int) -> ErrorObject:
        language = "node" if spec.runtime.startswith("nodejs") else "python"
        code = status if status >= 0 else 128 - status
        return make_error(PROCESS_EXITED, f"{language} exited with code {code} (0x{code:X})")

    def describe_timeout(self, spec: FunctionSpec, call: CallRecord) -> ErrorObject:
        minutes, seconds = divmod(int(spec.timeout_s), 60)
        limit = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        message = f"Timeout value of {limit} was exceeded by function: {_name(call)}"
        return make_error(TIMED_OUT, message)

    def _describe_exception(self, text: str, error: ErrorObject) -> str:
        if error.get("stackTrace") is None:
            return f"{text}\r{error['errorMessage']}\n"
        stack = "\n".join(str(line).rstrip("\n") for line in error["stackTrace"])
        cause = f"Result: Failure\nException: {error['errorType']}: {error['errorMessage']}\nStack: {stack}"
        return f"{text}\r{cause}".replace("\n", "\r") + "\n"


def _name(call: CallRecord) -> str:
    return f"Functions.{call.function}"


def _describe_signal(number: int) -> str:
    """Name a signal as Go does: `killed`, `segmentation fault`."""
    return (signal.strsignal(number) or f"signal {number}").lower()


def _event(moment: datetime, kind: str, record: Mapping[str, Any]) -> str:
    return json.dumps({"time": _format_time(moment), "type": kind, "record": record}, separators=(",", ":"))


def _format_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _end_line(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
