"""Answers as a managed gateway that is deployed in a simulated cloud, whatever runs behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, load_stored_body
from semantest_iac.infrastructure.local_service.gateway.enforcement import (
    ForwardedCall,
    GatewayEnforcement,
    OwnAnswer,
)
from semantest_iac.infrastructure.local_service.gateway.rules import GatewayBackend, GatewayRules, RefusalReason

ReadGatewayRules = Callable[[DeployedResources], GatewayRules | None]
"""Reads the rules of a stack's managed gateway; None if it has none. One per cloud."""

SendToBackend = Callable[[GatewayBackend, HttpRequest], Awaitable[HttpResponse]]
"""Sends a request to what answers it; raises BackendUnreachableError if nothing does."""


class BackendUnreachableError(Exception):
    """Nothing answers behind the gateway; the text says why, for the log of requests."""


class PlayedGateway:
    """One gateway; calls that were counted outlive `switch_to`, kept answers do not."""

    def __init__(self, enforcement: GatewayEnforcement, send: SendToBackend) -> None:
        self._enforcement = enforcement
        self._send = send

    def switch_to(self, rules: GatewayRules) -> None:
        """Apply other rules from the next request on."""
        if rules != self._enforcement.rules:
            self._enforcement.cache.purge()
            self._enforcement = replace(self._enforcement, rules=rules)

    async def answer(self, request: HttpRequest) -> ProbeAnswer:
        """Answer one request; the notes say why a token was refused, and why a backend did not answer."""
        enforcement = self._enforcement
        admitted = await enforcement.admit(request)
        if isinstance(admitted, OwnAnswer):
            return _finish(request, admitted.response, admitted.note)
        reason = RefusalReason.UNREACHABLE
        try:
            async with asyncio.timeout(enforcement.rules.timeout_s):
                answer = await self._send(admitted.backend, admitted.request)
        except TimeoutError:
            reason, note = RefusalReason.TIMED_OUT, f"'{admitted.backend.target}' did not answer in time."
        except BackendUnreachableError as error:
            note = str(error)
        else:
            return await self._finish_call(enforcement, admitted, answer)
        return _finish(request, enforcement.fail(admitted, reason), note)

    async def _finish_call(
        self, enforcement: GatewayEnforcement, call: ForwardedCall, answer: HttpResponse
    ) -> ProbeAnswer:
        if call.cache_key is not None:
            answer = await asyncio.to_thread(load_stored_body, answer)
        finished = _finish(call.original, enforcement.finish(call, answer), "")
        return replace(finished, origin=AnswerOrigin.FUNCTION)


def _finish(request: HttpRequest, response: HttpResponse, note: str) -> ProbeAnswer:
    if request.method == "HEAD":
        response = replace(response, body=b"", stored_body=None)
    return ProbeAnswer(response, notes=(note,) if note else (), origin=AnswerOrigin.PLATFORM)
