"""Runs inside a function's process: loads a Python handler and answers one JSON line per event.

Started as `python_host.py <descriptor> <handler>` in the package's folder. The descriptor is a socket of its
own, so whatever the handler prints cannot be taken for an answer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

LARGEST_ANSWER = 6_291_556


class Context:
    """The second argument of a handler, with the names that Lambda gives."""

    identity = None
    client_context = None

    def __init__(self, facts: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = facts["invoked_function_arn"]
        self.aws_request_id = facts["aws_request_id"]
        self._deadline = time.monotonic() + facts["remaining_ms"] / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the process is ended."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main(descriptor: int, handler: str) -> None:
    """Load, say so, then answer until the other side closes."""
    os.set_inheritable(descriptor, False)
    with open(descriptor, "rb", closefd=False) as events, open(descriptor, "wb", closefd=False) as answers:

        def send(answer: dict[str, Any]) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(_line(answer))
            answers.flush()

        function = _loaded(handler, send)
        for line in events if function else ():
            call = json.loads(line)
            send(_call(function, call["event"], Context(call["context"])))


def _loaded(handler: str, send: Callable[[dict[str, Any]], None]) -> Any:
    try:
        sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
        module, _, name = handler.rpartition(".")
        function = getattr(importlib.import_module(module.replace("/", ".")), name)
    except Exception as error:
        send({"error": _described(error)})
        return None
    send({"ready": True})
    return function


def _call(function: Any, event: Any, context: Context) -> dict[str, Any]:
    try:
        return {"result": function(event, context)}
    except Exception as error:
        return {"error": _described(error)}


def _described(error: Exception) -> dict[str, Any]:
    import traceback

    trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}


def _line(answer: dict[str, Any]) -> bytes:
    try:
        encoded = json.dumps(answer).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"Unable to marshal response: {error}"
        return _line({"error": {"errorMessage": message, "errorType": "Runtime.MarshalError"}})
    if len(encoded) > LARGEST_ANSWER:
        message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes)."
        return _line({"error": {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}})
    return encoded + b"\n"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
