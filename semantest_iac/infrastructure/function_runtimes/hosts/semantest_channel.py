"""Exchanges one JSON line per call over a socket of its own, so that printed output is never taken for an answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

CallFunction = Callable[[dict[str, Any]], Any]
LoadFunction = Callable[[], tuple[CallFunction, dict[str, Any]]]


def serve(descriptor: int, load: LoadFunction, max_bytes: int) -> None:
    """Load, send the facts that loading returned, then answer until the other side closes."""
    os.set_inheritable(descriptor, False)
    with open(descriptor, "rb", closefd=False) as calls, open(descriptor, "wb", closefd=False) as answers:

        def send(answer: dict[str, Any]) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(_encode_line(answer, max_bytes))
            answers.flush()

        call, host = _load_or_report(load, send), os.getpid()
        for line in calls if call else ():
            answer = _call_function(call, json.loads(line))
            if os.getpid() != host:  # a forked child of the function returned here: it must not answer
                os._exit(0)
            send(answer)


def _load_or_report(load: LoadFunction, send: Callable[[dict[str, Any]], None]) -> Any:
    try:
        call, facts = load()
    except Exception as error:
        send({"error": _describe_error(error)})
        return None
    send({"ready": True, **facts})
    return call


def _call_function(call: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": call(request)}
    except Exception as error:
        return {"error": _describe_error(error)}


def _describe_error(error: Exception) -> dict[str, Any]:
    import traceback

    trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[2:])
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}


def _encode_line(answer: dict[str, Any], max_bytes: int) -> bytes:
    try:
        encoded = json.dumps(answer).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"Unable to marshal response: {error}"
        return _encode_line({"error": {"errorMessage": message, "errorType": "Runtime.MarshalError"}}, max_bytes)
    if len(encoded) > max_bytes:
        message = f"Response payload size exceeded maximum allowed payload size ({max_bytes} bytes)."
        return _encode_line(
            {"error": {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}}, max_bytes
        )
    return encoded + b"\n"
