"""What receives the requests from outside of a stack that has a managed gateway, a static site, or both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse
from semantest_iac.domain.networking.sites import VARIABLES_FILE
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.gateway.enforcement import GatewayEnforcement
from semantest_iac.infrastructure.local_service.gateway.played_gateway import PlayedGateway, ReadGatewayRules
from semantest_iac.infrastructure.local_service.gateway.rules import GatewayBackend, GatewayRules
from semantest_iac.infrastructure.local_service.sites.played_site import PlayedSite
from semantest_iac.infrastructure.local_service.sites.rules import ReadSiteRules, SitePackages, SiteRules

OWN_HOST_SUFFIX: Final = ".localhost"
"""Every stack has a host of its own on this machine: its name before this."""

CallBackend = Callable[[str, GatewayBackend, HttpRequest], Awaitable[HttpResponse]]
"""Sends a request of a stack's gateway to its backend; raises BackendUnreachableError if nothing answers."""

_ORIGIN: Final = "origin"
_ALLOWED_ORIGIN: Final = "access-control-allow-origin"
_SITE_BODY_LIMIT: Final = BodyLimit(0, HttpResponse(413))


@dataclass(frozen=True, slots=True)
class EntranceRules:
    """The rules of the parts of a stack that clients reach."""

    gateway: GatewayRules | None = None
    site: SiteRules | None = None

    def __bool__(self) -> bool:
        return self.gateway is not None or self.site is not None


FindEntranceRules = Callable[[Stack], Awaitable[EntranceRules | None]]
"""Finds the rules of a stack as it is deployed now; None for a stack without gateway and site."""


@dataclass(frozen=True, slots=True)
class StackEntrances:
    """What `serve` needs for the entrances of all stacks."""

    find_rules: FindEntranceRules
    call_backend: CallBackend


@dataclass(slots=True)
class StackEntrance:
    """Answers for one stack: its site at the root of its own host, its gateway below the stack's name.

    Where only one of them is there, it answers at both places; a site has one place only and redirects to it.
    """

    stack: str
    rules: EntranceRules
    call_backend: CallBackend
    is_web_socket: bool = False
    _gateway: PlayedGateway | None = field(init=False, default=None)
    _site: PlayedSite | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.switch_to(self.rules)

    def switch_to(self, rules: EntranceRules) -> None:
        """Apply the rules of another deployment; what was counted stays."""
        self.rules = rules
        if rules.gateway is None:
            self._gateway = None
        elif self._gateway:
            self._gateway.switch_to(rules.gateway)
        else:
            self._gateway = PlayedGateway(GatewayEnforcement(rules.gateway), self._send)
        if rules.site is None:
            self._site = None
        elif self._site:
            self._site.rules = rules.site
        else:
            self._site = PlayedSite(rules.site, VARIABLES_FILE)

    @property
    def body_limit(self) -> BodyLimit:
        """The largest body that the gateway takes; a site takes none."""
        return self.rules.gateway.body_limit if self.rules.gateway else _SITE_BODY_LIMIT

    async def answer(self, request: HttpRequest, *, at_own_host: bool) -> ProbeAnswer:
        """Answer one request, whose path is that below the stack's name or the whole one at its own host."""
        host = request.header("host")
        if self._site and at_own_host:
            shared = host.lower().removeprefix(f"{self.stack.lower()}.")
            response = await self._site.answer(request, self._find_local_addresses(shared, host))
            return ProbeAnswer(response, origin=AnswerOrigin.PLATFORM)
        if self._gateway:
            return await self._answer_as_gateway(self._gateway, request, host)
        target = f"http://{self.stack}{OWN_HOST_SUFFIX}{_find_port(host)}{request.path}"
        return ProbeAnswer(
            HttpResponse(307, (("location", _add_query(target, request)),)), origin=AnswerOrigin.PLATFORM
        )

    async def retire(self) -> None:
        """End nothing: there are no processes here."""

    async def shut_down(self) -> None:
        """End nothing: there are no processes here."""

    async def _answer_as_gateway(self, gateway: PlayedGateway, request: HttpRequest, host: str) -> ProbeAnswer:
        """Have the rules meet the addresses of the cloud, which they know, and clients those of this machine."""
        local, cloud = request.header(_ORIGIN), self._find_cloud_origin(request.header(_ORIGIN), host)
        if not cloud:
            return await gateway.answer(request)
        others = tuple(pair for pair in request.headers if pair[0].lower() != _ORIGIN)
        answer = await gateway.answer(replace(request, headers=(*others, (_ORIGIN, cloud))))
        headers = tuple(
            (name, local if name == _ALLOWED_ORIGIN and value == cloud else value)
            for name, value in answer.response.headers
        )
        return replace(answer, response=replace(answer.response, headers=headers))

    def _find_cloud_origin(self, origin: str, host: str) -> str:
        """Return the address in the cloud of the site that sent a request, one that may; empty for others."""
        site, gateway = self.rules.site, self.rules.gateway
        own = f"http://{self.stack}{OWN_HOST_SUFFIX}{_find_port(host)}"
        if not site or not gateway or origin.lower() != own.lower():
            return ""
        cors = [api.cors for api in gateway.apis.values() if api.cors]
        allowed = (it for it in site.origins if any(rules.allows_origin(it) for rules in cors))
        return next(allowed, next(iter(site.origins), ""))

    def _find_local_addresses(self, shared_host: str, own_host: str) -> dict[str, str]:
        gateway, site = self.rules.gateway, self.rules.site
        found = dict.fromkeys(site.origins if site else (), f"http://{own_host}")
        return found | ({gateway.origin: f"http://{shared_host}/{self.stack}"} if gateway and gateway.origin else {})

    async def _send(self, backend: GatewayBackend, request: HttpRequest) -> HttpResponse:
        return await self.call_backend(self.stack, backend, request)


async def read_entrance(stack: Stack, resources: DeployedResources, sources: SitePackages) -> EntranceRules | None:
    """Read the rules of a stack as it is deployed; None if it has neither gateway nor site."""
    cloud = CLOUDS[stack.provider]
    gateway: ReadGatewayRules | None = cloud.load_part(cloud.gateway_rules) if cloud.gateway_rules else None
    site: ReadSiteRules | None = cloud.load_part(cloud.site_rules) if cloud.site_rules else None
    return await asyncio.to_thread(
        lambda: (
            EntranceRules(gateway(resources) if gateway else None, site(resources, sources) if site else None) or None
        )
    )


def _find_port(host: str) -> str:
    port = host.rpartition(":")[2]
    return f":{port}" if port.isdecimal() else ""


def _add_query(target: str, request: HttpRequest) -> str:
    query = request.query_string
    return f"{target}?{query}" if query else target
