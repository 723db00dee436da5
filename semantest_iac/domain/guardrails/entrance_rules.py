"""Guardrails over what of a blueprint the internet reaches without showing who it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan, report
from semantest_iac.domain.guardrails.plan_review import PlanFinding
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.sites import ContentDelivery
from semantest_iac.domain.resource import Resource


class OpenEntrance(NamedTuple):
    """What is open, and what to write to close it."""

    reason: str
    hint: str


def judge_open_access(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """No API, service or delivered site is reached by everybody without a key, a login, a token or a firewall."""
    for resource in judged.blueprint.resources if judged.blueprint else ():
        find_entrances = _ENTRANCES.get(type(resource))
        for reason, hint in find_entrances(resource) if find_entrances else ():
            yield from report("open_access", settings.open_access or "allow", reason, hint=hint, resource=resource.name)


def _find_open_apis(gateway: ManagedGateway) -> Iterator[OpenEntrance]:
    for api in gateway.apis:
        if not (api.needs_key or api.needs_login or api.authorizer or api.allowed_ips):
            reason = f"everybody may call the API '{api.name}': it asks for no key, login or token"
            yield OpenEntrance(reason, f"Write key, login, jwt or allow_ips at gateway.apis.{api.name}.")


def _find_public_service(service: ContainerService) -> Iterator[OpenEntrance]:
    if service.public:
        reason = f"everybody may call the service '{service.service}', without the gateway"
        yield OpenEntrance(reason, f"Leave services.{service.service}.public out, and let the gateway call it.")


def _find_unprotected_site(delivery: ContentDelivery) -> Iterator[OpenEntrance]:
    if delivery.caches and delivery.firewall is None:
        yield OpenEntrance("no web application firewall is before the site", "Leave site.waf out.")


_ENTRANCES: Mapping[type[Resource], Callable[[Any], Iterator[OpenEntrance]]] = {
    ManagedGateway: _find_open_apis,
    ContainerService: _find_public_service,
    ContentDelivery: _find_unprotected_site,
}
