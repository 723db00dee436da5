"""Answers calls of the functions that others of their component may call, as Lambda's Invoke and apps of Azure do.

Source: the API reference of Lambda, Invoke. Who calls an app, its package finds out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, StoredBody
from semantest_iac.infrastructure.function_runtimes.azure_functions import (
    build_functions_event,
    build_functions_response,
)
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.api_frontend import load_stored_body

INVOKE_PREFIX, INVOKE_SUFFIX = "/2015-03-31/functions/", "/invocations"
LARGEST_EVENT = 6 * 1024 * 1024
"""Bytes of the event of a synchronous call; source: the quotas of Lambda, and its error in reports of others."""
IDENTITIES_PATH = "/identities"
"""Below which functions of apps get the tokens with which they call each other."""
_ASYNCHRONOUS = ("Event", "DryRun")
_APP_CALL_PATH = re.compile(r"/(?P<app>[a-z0-9-]+)(?P<path>/api/[\w-]+)")
_APP_DOMAIN, _LOCAL_CLIENT = "azurewebsites.net", "127.0.0.1"

CallFunction = Callable[[str, Any], Awaitable[Invocation | None]]
"""Calls a function by its ARN, or its app and path, with the event; None if there is none that others call."""


async def answer_invoke(call: CallFunction, request: LoopbackRequest) -> HttpResponse:
    """Answer one request of Invoke."""
    url = urlsplit(request.path)
    arn = unquote(url.path.removeprefix(INVOKE_PREFIX).removesuffix(INVOKE_SUFFIX))
    if request.method != "POST" or request.headers.get("x-amz-invocation-type") in _ASYNCHRONOUS:
        return _refuse(400, "InvalidParameterValueException", "Only calls that wait for the answer are simulated here.")
    if len(request.body) > LARGEST_EVENT:
        reason = f"Request must be smaller than {LARGEST_EVENT} bytes for the InvokeFunction operation"
        return _refuse(413, "RequestEntityTooLargeException", reason)
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


def is_app_call(request: LoopbackRequest) -> bool:
    """Whether the path is that of a function of an app: `/<app>/api/<function>`."""
    return _APP_CALL_PATH.fullmatch(urlsplit(request.path).path) is not None


async def answer_app_call(call: CallFunction, request: LoopbackRequest) -> HttpResponse:
    """Let a function of an app answer a request; other functions and methods are not found, as by its host."""
    found = _APP_CALL_PATH.fullmatch(urlsplit(request.path).path)
    if found is None or request.method != "POST":
        return HttpResponse(404)
    headers = tuple(request.headers.items())
    sent = HttpRequest("POST", found["path"], headers=headers, body=request.body, client=_LOCAL_CLIENT)
    event = build_functions_event(sent, f"{found['app']}.{_APP_DOMAIN}")
    invocation = await call(f"{found['app']}{found['path']}", event)
    if invocation is None:
        return HttpResponse(404)
    response = await asyncio.to_thread(load_stored_body, build_functions_response(invocation, method="POST"))
    return replace(response, headers=tuple(it for it in response.headers if it[0] != "content-length"))  # added again
