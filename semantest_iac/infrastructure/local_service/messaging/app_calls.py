"""Answers calls of functions of an app of Azure, whose package finds out who calls."""

from __future__ import annotations

import re
from asyncio import to_thread
from dataclasses import replace
from urllib.parse import urlsplit

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.azure_functions import (
    build_functions_event,
    build_functions_response,
    empty_response,
)
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.api_frontend import load_stored_body
from semantest_iac.infrastructure.local_service.messaging.lambda_api import CallFunction

IDENTITIES_PATH = "/identities"
"""Below which functions get the tokens with which they call each other."""
_CALL_PATH = re.compile(r"/(?P<app>[a-z0-9-]+)(?P<path>/api/[\w-]+)")
_DOMAIN, _LOCAL_CLIENT = "azurewebsites.net", "127.0.0.1"


def is_app_call(request: LoopbackRequest) -> bool:
    """Whether the path is that of a function of an app: `/<app>/api/<function>`."""
    return _CALL_PATH.fullmatch(urlsplit(request.path).path) is not None


async def answer_app_call(call: CallFunction, request: LoopbackRequest) -> HttpResponse:
    """Let a function of an app answer a request; other functions and methods are not found, as by its host."""
    found = _CALL_PATH.fullmatch(urlsplit(request.path).path)
    if found is None or request.method != "POST":
        return empty_response(404)
    headers = tuple(request.headers.items())
    sent = HttpRequest("POST", found["path"], headers=headers, body=request.body, client=_LOCAL_CLIENT)
    event = build_functions_event(sent, f"{found['app']}.{_DOMAIN}")
    invocation = await call(f"{found['app']}{found['path']}", event)
    if invocation is None:
        return empty_response(404)
    response = await to_thread(load_stored_body, build_functions_response(invocation, method="POST"))
    return replace(response, headers=tuple(it for it in response.headers if it[0] != "content-length"))  # added again
