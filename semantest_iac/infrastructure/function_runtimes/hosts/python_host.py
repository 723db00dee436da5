"""Runs inside a function's process: loads a Python handler as Lambda does, and calls it with each event.

Started as `python_host.py` in the package's folder. What it writes and answers is that of AWS's Python runtime
interface client: error types and messages, the traceback in the log, the format of log records. One event of the log
ends with a line feed; the lines inside it are separated by carriage returns.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

MAX_ANSWER_BYTES = 6_291_556
LINE_BREAK = "\r"  # inside one event of the log
INDENTATION = "\u00a0"  # the runtime's own, a space that log viewers keep
LOG_TIME = "%Y-%m-%dT%H:%M:%S"
JSON_LOG_TIME = f"{LOG_TIME}Z"
RECORD_ATTRIBUTES = frozenset(
    (*logging.makeLogRecord({}).__dict__, "message", "asctime", "aws_request_id", "exc_text")
) - {"taskName"}


class RuntimeFaultError(Exception):
    """A fault that the runtime finds itself, with its own type."""

    def __init__(self, kind: str, message: str, trace: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = list(trace)


class LambdaContext:
    """The second argument of a handler, with Lambda's attribute names."""

    client_context = None
    tenant_id = None

    def __init__(self, call_context: dict[str, Any]) -> None:
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.invoked_function_arn = call_context["invoked_function_arn"]
        self.aws_request_id = call_context["aws_request_id"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self._deadline = time.monotonic() + call_context["remaining_ms"] / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the process is ended."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write to the log as it is."""
        sys.stdout.write(str(message))


class RequestIdFilter(logging.Filter):
    """Gives each record the id of the request that the function handles."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


REQUEST_ID = RequestIdFilter()


class TextFormatter(logging.Formatter):
    """Writes a record as one event of the log."""

    def __init__(self) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", LOG_TIME)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", LINE_BREAK)


class JsonFormatter(logging.Formatter):
    """Writes a record as Lambda's log format JSON has it."""

    def format(self, record: logging.LogRecord) -> str:
        kind, error, trace = record.exc_info or (None, None, None)
        fields = {
            "timestamp": self.formatTime(record, JSON_LOG_TIME),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if trace else None,
            "errorType": kind.__name__ if kind else None,
            "errorMessage": str(error) if kind else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if kind else None,
        }
        hidden = RECORD_ATTRIBUTES.union(fields)
        fields |= {name: value for name, value in record.__dict__.items() if name not in hidden}
        return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not generic when it runs
    """Raises what it cannot write, as the runtime's own does."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        raise  # noqa: PLE0704 - it is called while an exception is handled


def is_json_log() -> bool:
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def set_up_logging() -> None:
    """Give the root logger a handler before the function's code, as Lambda's runtime does.

    So `basicConfig` has no effect, and the level stays WARNING until the function or its log settings set another.
    """
    logging.Formatter.converter = time.gmtime  # of every formatter, whatever the time zone
    handler = LogHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if is_json_log() else TextFormatter())
    handler.addFilter(REQUEST_ID)
    logging.getLogger().addHandler(handler)
    level = {"TRACE": "DEBUG"}.get(wanted := os.environ.get("AWS_LAMBDA_LOG_LEVEL", ""), wanted.upper())
    if isinstance(logging.getLevelName(level), int):
        logging.getLogger().setLevel(level)


def load_handler() -> tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]:
    """Load the handler as a function of one call."""
    set_up_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.path.append(os.environ["LAMBDA_RUNTIME_DIR"])  # last: what the package holds takes precedence
    function = find_handler(os.environ["_HANDLER"])
    return lambda call: call_handler(function, call), {}


def find_handler(handler: str) -> Callable[[Any, Any], Any]:
    """Import the handler's module; its faults have the types and messages of Lambda's runtime."""
    module, dot, name = handler.rpartition(".")
    if not dot:
        message = f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)"
        raise RuntimeFaultError("Runtime.MalformedHandlerName", message)
    if module.partition(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module} as a handler module"
        raise RuntimeFaultError("Runtime.BuiltInModuleConflict", message)
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module}': {error}"
        raise RuntimeFaultError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module}': {error}"
        raise RuntimeFaultError("Runtime.UserCodeSyntaxError", message, trace) from error
    function: Callable[[Any, Any], Any] | None = getattr(loaded, name, None)
    if function is None:
        raise RuntimeFaultError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
    return function


def call_handler(function: Callable[[Any, Any], Any], call: dict[str, Any]) -> Any:
    """Call the handler with the event of a call."""
    context = LambdaContext(call["context"])
    REQUEST_ID.request_id = context.aws_request_id
    os.environ["_X_AMZN_TRACE_ID"] = call["context"]["trace_id"]
    return function(call["event"], context)


def encode_result(result: Any) -> str:
    """Encode a result as Lambda's runtime does with simplejson: characters as they are since Python 3.12.

    Decimal numbers, which DynamoDB returns, keep their digits; the standard library can only be given their places.
    """
    if isinstance(result, bytes):  # sent as they are; only JSON is a result
        result = json.loads(result)
    mark, numbers = f"{os.urandom(16).hex()}:", list[str]()

    def encode_other(value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode()
        if not isinstance(value, Decimal):
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
        numbers.append("NaN" if value.is_nan() else str(value))
        return f"{mark}{len(numbers) - 1}"

    minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python3.")[2]
    text = json.dumps(result, ensure_ascii=minor.isdigit() and int(minor) < 12, default=encode_other)
    if numbers:
        text = re.sub(f'"{mark}(\\d+)"', lambda match: numbers[int(match[1])], text)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def take_large_body(result: Any) -> tuple[Any, bytes, int] | None:
    """Take a large body from a result as API Gateway would send it; without a status code, all of a result is one."""
    largest = sys.modules["semantest_channel"].LARGEST_IN_LINE
    is_structured = isinstance(result, dict) and "statusCode" in result
    try:
        body = result.get("body") if is_structured else result if isinstance(result, str) else encode_result(result)
        if not isinstance(body, str) or len(body) <= largest:
            return None
        is_base64 = is_structured and result.get("isBase64Encoded")
        data = base64.b64decode(body, validate=True) if is_base64 else body.encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return ({**result, "body": ""} if is_structured else None), data, len(encode_result(body).encode()) - 2


def report_error(error: Exception, call: Any) -> dict[str, Any]:
    """Write an error to the log and return what the caller of the function receives."""
    if isinstance(error, RuntimeFaultError):
        kind, trace = error.kind, error.trace
    elif isinstance(error, sys.modules["semantest_channel"].AnswerError):
        kind, trace = error.kind, []
    else:
        kind, trace = type(error).__name__, format_trace(error)
    request_id = call["context"]["aws_request_id"] if call else ""
    reported = {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}
    print_error(reported)
    return reported


def format_trace(error: Exception) -> list[str]:
    """Format the frames from the function's own first one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = (__file__, os.path.join(os.path.dirname(__file__), "semantest_channel.py"))
    while frames and frames[0].filename in own:
        del frames[0]
    plain = [(it.filename, it.lineno or 0, it.name, it.line) for it in frames]  # without markers of columns
    return traceback.format_list(plain)


def print_error(reported: dict[str, Any]) -> None:
    if is_json_log():
        stamp = time.strftime(JSON_LOG_TIME, time.gmtime())
        print(encode_result({"timestamp": stamp, "log_level": "ERROR", **reported}))
        return
    lines = [f"[ERROR] {reported['errorType']}: {reported['errorMessage']}", "Traceback (most recent call last):"]
    for entry in reported["stackTrace"]:
        lines += [_indent(line) for line in entry.splitlines()]
    print(LINE_BREAK.join(lines).replace("\n", LINE_BREAK))


def _indent(line: str) -> str:
    text = line.lstrip(" ")
    return INDENTATION * (len(line) - len(text)) + text


def main() -> None:
    """Serve the handler that the environment names."""
    sys.path.insert(0, os.path.dirname(__file__))
    channel = importlib.import_module("semantest_channel")
    bytecode = importlib.import_module("semantest_bytecode")
    del sys.path[0]
    bytecode.keep_bytecode(os.environ["LAMBDA_TASK_ROOT"])
    channel.serve(load_handler, report_error, MAX_ANSWER_BYTES, take_large_body, encode_result)


if __name__ == "__main__":
    main()
