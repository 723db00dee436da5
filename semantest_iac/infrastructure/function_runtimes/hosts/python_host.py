"""Runs inside a function's process: loads a Python handler as Lambda does, and calls it with each event.

Started as `python_host.py <descriptor> <handler>` in the package's folder.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

MAX_ANSWER_BYTES = 6_291_556


class LambdaContext:
    """The second argument of a handler, with Lambda's attribute names."""

    identity = None
    client_context = None

    def __init__(self, call_context: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = call_context["invoked_function_arn"]
        self.aws_request_id = call_context["aws_request_id"]
        self._deadline = time.monotonic() + call_context["remaining_ms"] / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the process is ended."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class RequestIdFilter(logging.Filter):
    """Gives each record the id of the request that the function handles."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


REQUEST_ID = RequestIdFilter()


def set_up_logging() -> None:
    """Give the root logger a handler before the function's code, as Lambda's runtime does.

    So `basicConfig` has no effect, and the level stays WARNING until the function sets another.
    Source: the bootstrap of AWS's Python runtime interface client.
    """
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(REQUEST_ID)
    logging.getLogger().addHandler(handler)


def call_handler(function: Callable[[Any, Any], Any], call: dict[str, Any]) -> Any:
    """Call the handler with the event of a call."""
    context = LambdaContext(call["context"])
    REQUEST_ID.request_id = context.aws_request_id
    return function(call["event"], context)


def load_handler(handler: str) -> tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]:
    """Load the handler as a function of one call."""
    set_up_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module.replace("/", ".")), name)
    return lambda call: call_handler(function, call), {}


def main(descriptor: int, handler: str) -> None:
    """Serve the handler over the descriptor."""
    sys.path.insert(0, os.path.dirname(__file__))
    channel = importlib.import_module("semantest_channel")
    del sys.path[0]
    channel.serve(descriptor, lambda: load_handler(handler), MAX_ANSWER_BYTES)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
