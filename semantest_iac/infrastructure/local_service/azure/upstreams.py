"""The apps that Web PubSub sends events to: each is asked first whether it wants any, and is shown who sends them.

Source: CloudEvents' protection of webhooks against abuse; Azure's documentation of managed identities for handlers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes import functions_http
from semantest_iac.infrastructure.function_runtimes.function_pool import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.azure.directory import LIFETIME_S, shown
from semantest_iac.infrastructure.local_service.azure.socket_plan import HubPlan, Webhook
from semantest_iac.infrastructure.local_service.warm_service import Told

_ALLOWED = "webhook-allowed-origin"
_REFUSED = Invocation(None, {"errorType": "Upstream", "errorMessage": "The app allows no events (OPTIONS)."}, "", 0)


class Upstreams:
    """One for the life of a hub's version."""

    def __init__(self, plan: HubPlan, told: Told) -> None:
        self.pools: dict[str, FunctionPool] = {}
        self._plan = plan
        self._told = told
        self._willing: set[str] = set()
        self._turn = asyncio.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    async def send(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """What an app made of an event; one that wants none fails."""
        if not await self._is_willing(webhook, request.path):
            self._told(_REFUSED)
            return functions_http.response_for(_REFUSED)
        headers = (*request.headers, *await self._shown(webhook.audience))
        return await self.ask(webhook, replace(request, headers=headers))

    async def ask(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """The answer of the app to a request of anybody's."""
        try:
            invocation = await self.pools[webhook.host].invoke(functions_http.event_for(request, webhook.host))
        except RuntimeFailedError as error:
            reason = " ".join(filter(None, (error.message, error.hint)))
            invocation = Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": reason}, "", 0)
        self._told(invocation)
        return functions_http.response_for(invocation)

    async def _is_willing(self, webhook: Webhook, path: str) -> bool:
        """Asked until it says yes, by one event at a time; the service asks again every minute, which is not played."""
        if webhook.host in self._willing:
            return True
        async with self._turn:
            if webhook.host not in self._willing and await self._allows(webhook, path):
                self._willing.add(webhook.host)
        return webhook.host in self._willing

    async def _allows(self, webhook: Webhook, path: str) -> bool:
        asking = (("webhook-request-origin", self._plan.host), ("ce-awpsversion", "1.0"))
        answer = await self.ask(webhook, HttpRequest("OPTIONS", path, webhook.query, asking))
        said: Mapping[str, str] = {name.lower(): value for name, value in answer.headers}
        return answer.status < 300 and said.get(_ALLOWED, "").lower() in ("*", self._plan.host.lower())

    async def _shown(self, audience: str) -> Pairs:
        """The header with which the service shows who it is, renewed when half of its time is over."""
        principal = self._plan.principal
        if not (audience and principal.id):
            return ()
        token, ends = self._tokens.get(audience, ("", 0.0))
        if time.time() >= ends:
            token = await asyncio.to_thread(shown, principal.tenant, principal.id, audience)
            self._tokens[audience] = token, time.time() + LIFETIME_S / 2
        return (("authorization", f"Bearer {token}"),)
