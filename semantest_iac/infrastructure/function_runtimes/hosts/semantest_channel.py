"""Exchanges one JSON line per call over a socket of its own, so that printed output is never taken for an answer."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from typing import Any

CHANNEL_VARIABLE = "SEMANTEST_CHANNEL"
"""The variable that holds the socket's descriptor; the function does not see it."""

LARGEST_IN_LINE = 64 * 1024
STORED_MARK = '"isStored": true, '

CallFunction = Callable[[dict[str, Any]], Any]
LoadFunction = Callable[[], tuple[CallFunction, dict[str, Any]]]
ReportError = Callable[[Exception, Any], dict[str, Any]]
"""Writes an error to the log and returns its JSON; the second argument is the call, None while the code is loaded."""

EncodeResult = Callable[[Any], str]
"""Encodes a result as JSON on one line; raises as `json.dumps` does."""

LargeBody = tuple[Any, bytes, int]
"""What remains of a result without its large body, the body as a client receives it, and its bytes in JSON."""

TakeBody = Callable[[Any], "LargeBody | None"]
"""Takes a body of more than LARGEST_IN_LINE from a result; None if it has none, or none that could be sent as bytes."""


class AnswerError(Exception):
    """An answer that cannot be sent; `kind` is the error's type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def serve(
    load: LoadFunction, report: ReportError, max_bytes: int, take_body: TakeBody, encode: EncodeResult = json.dumps
) -> None:
    """Load, send the facts that loading returned, then answer until the other side closes."""
    descriptor = int(os.environ.pop(CHANNEL_VARIABLE))
    os.set_inheritable(descriptor, False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # those of the process
    with open(descriptor, "rb", closefd=False) as calls, open(descriptor, "wb", closefd=False) as answers:

        def send(line: bytes) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(line + b"\n")
            answers.flush()

        try:
            call, facts = load()
        except Exception as error:
            send(_encode({"error": report(error, None)}, max_bytes))
            return
        send(_encode({"ready": True, **facts}, max_bytes))
        host = os.getpid()
        for line in calls:
            answer = _answer(call, json.loads(line), report, max_bytes, take_body, encode)
            if os.getpid() != host:  # a forked child of the function returned here: it must not answer
                os._exit(0)
            send(answer)


def _answer(
    call: CallFunction,
    request: dict[str, Any],
    report: ReportError,
    max_bytes: int,
    take_body: TakeBody,
    encode: EncodeResult,
) -> bytes:
    try:
        _load_stored_body(request)
        result = call(request)
        taken = take_body(result)
        if taken is None:
            return _encode(result, max_bytes, lambda result: f'{{"result": {encode(result)}}}')
        rest, body, size = taken
        answer = _encode(
            rest, max_bytes, lambda rest: f'{{{STORED_MARK}"result": {encode(rest)}}}', size - len(STORED_MARK)
        )
        with open(request["answerFile"], "wb") as file:
            file.write(body)
        return answer
    except Exception as error:
        return _encode({"error": report(error, request)}, max_bytes)


def _load_stored_body(request: dict[str, Any]) -> None:
    """Put a large body, which is sent as a file, where a small one is."""
    stored = request.pop("stored", None)
    if stored is None:
        return
    with open(stored["path"], "rb") as file:
        body = file.read()
    if stored["as"] == "bytes":
        request[stored["in"]]["body"] = body
    else:
        request[stored["in"]]["body"] = (base64.b64encode(body) if stored["as"] == "base64" else body).decode()


def _encode(answer: Any, max_bytes: int, encode: EncodeResult = json.dumps, other_bytes: int = 0) -> bytes:
    try:
        encoded = encode(answer).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise AnswerError("Runtime.MarshalError", f"Unable to marshal response: {error}") from None
    if len(encoded) + other_bytes > max_bytes:
        message = f"Response payload size exceeded maximum allowed payload size ({max_bytes} bytes)."
        raise AnswerError("Function.ResponseSizeTooLarge", message)
    return encoded
