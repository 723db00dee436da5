"""Answers as Lambda's Invoke does, for the functions that others of their component may call.

Source: the API reference of Lambda, Invoke.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from semantest_iac.domain.networking.http_exchange import HttpResponse, StoredBody
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest

INVOKE_PREFIX, INVOKE_SUFFIX = "/2015-03-31/functions/", "/invocations"
LARGEST_EVENT = 6 * 1024 * 1024
"""Bytes of the event of a synchronous call. Source: the quotas of Lambda."""
_ASYNCHRONOUS = ("Event", "DryRun")

CallFunction = Callable[[str, Any], Awaitable[Invocation | None]]
"""Calls a function by its ARN, with the event; None if there is no such function that others call."""


async def answer_invoke(call: CallFunction, request: LoopbackRequest) -> HttpResponse:
    """Answer one request."""
    url = urlsplit(request.path)
    arn = unquote(url.path.removeprefix(INVOKE_PREFIX).removesuffix(INVOKE_SUFFIX))
    if request.method != "POST" or request.headers.get("x-amz-invocation-type") in _ASYNCHRONOUS:
        return _refuse(400, "InvalidParameterValueException", "Only calls that wait for the answer are simulated here.")
    try:
        event = json.loads(request.body or b"{}")
    except ValueError:
        reason = "Could not parse request body into json."
        return _refuse(400, "InvalidRequestContentException", reason)
    invocation = await call(arn, event)
    if invocation is None:
        return _refuse(404, "ResourceNotFoundException", f"Function not found: {arn}")
    if invocation.error is not None:
        return _respond(json.dumps(dict(invocation.error)), ("x-amz-function-error", "Unhandled"))
    return _respond(await asyncio.to_thread(_format_result, invocation))


def _format_result(invocation: Invocation) -> str:
    """Return the text that the runtime sent, with the body that the host had put into a file."""
    if invocation.stored_body:
        return _add_stored_body(invocation.result, invocation.stored_body)
    return invocation.answer if invocation.answer is not None else json.dumps(invocation.result)


def _add_stored_body(result: Any, stored: StoredBody) -> str:
    content = Path(stored.path).read_bytes()
    if not isinstance(result, Mapping):  # all that the function returned: a text as it is, anything else as JSON
        return content.decode() if _is_json(content) else json.dumps(content.decode())
    is_base64 = bool(result.get("isBase64Encoded"))
    body = base64.b64encode(content).decode("ascii") if is_base64 else content.decode()
    return json.dumps({**result, "body": body})


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _respond(text: str, *headers: tuple[str, str]) -> HttpResponse:
    own = (("content-type", "application/json"), ("x-amzn-requestid", str(uuid4())))
    return HttpResponse(200, (*own, *headers), text.encode())


def _refuse(status: int, code: str, message: str) -> HttpResponse:
    headers = (("content-type", "application/json"), ("x-amzn-requestid", str(uuid4())), ("x-amzn-errortype", code))
    return HttpResponse(status, headers, json.dumps({"Type": "User", "message": message}).encode())
