"""Exchanges one JSON line per call over a socket of its own, so that printed output is never taken for an answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Call = Callable[[dict[str, Any]], Any]
Load = Callable[[], tuple[Call, dict[str, Any]]]


def serve(descriptor: int, load: Load, largest: int) -> None:
    """Load, send the facts that loading returned, then answer until the other side closes."""
    os.set_inheritable(descriptor, False)
    with open(descriptor, "rb", closefd=False) as calls, open(descriptor, "wb", closefd=False) as answers:

        def send(answer: dict[str, Any]) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(_line(answer, largest))
            answers.flush()

        call, host = _loaded(load, send), os.getpid()
        for line in calls if call else ():
            answer = _answer(call, json.loads(line))
            if os.getpid() != host:  # a forked child of the function returned here: it must not answer
                os._exit(0)
            send(answer)


def _loaded(load: Load, send: Callable[[dict[str, Any]], None]) -> Any:
    try:
        call, facts = load()
    except Exception as error:
        send({"error": _described(error)})
        return None
    send({"ready": True, **facts})
    return call


def _answer(call: Any, question: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": call(question)}
    except Exception as error:
        return {"error": _described(error)}


def _described(error: Exception) -> dict[str, Any]:
    import traceback

    trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[2:])
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}


def _line(answer: dict[str, Any], largest: int) -> bytes:
    try:
        encoded = json.dumps(answer).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"Unable to marshal response: {error}"
        return _line({"error": {"errorMessage": message, "errorType": "Runtime.MarshalError"}}, largest)
    if len(encoded) > largest:
        message = f"Response payload size exceeded maximum allowed payload size ({largest} bytes)."
        return _line({"error": {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}}, largest)
    return encoded + b"\n"
