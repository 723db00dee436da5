"""What API Management does with every request before the app sees it, as the document that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from semantest_iac.domain.environments.settings import Authorizer, Cors, Throttling
from semantest_iac.domain.networking.http_api import HttpApi

BACKEND, KEY = "live", "gateway-key"
KEY_HEADER = "x-semantest-gateway"
_LONGEST_PERIOD = 300  # seconds


def policy(api: HttpApi, public: Sequence[str]) -> str:
    """Browsers, limits, token, key, and then the app; `public` are the operations that need no token."""
    root = Element("policies")
    inbound = _section(root, "inbound")
    if api.cors:
        _browsers(inbound, api.cors)
    _limits(inbound, api.throttling)
    if api.authorizer:
        _token(inbound, api.authorizer, public)
    key = SubElement(inbound, "set-header", {"name": KEY_HEADER, "exists-action": "override"})
    SubElement(key, "value").text = f"{{{{{KEY}}}}}"
    SubElement(inbound, "set-backend-service", {"backend-id": BACKEND})
    SubElement(SubElement(root, "backend"), "forward-request", timeout=str(api.integration_timeout_s))
    for name in ("outbound", "on-error"):
        _section(root, name)
    indent(root)
    return tostring(root, encoding="unicode")


def _section(root: Element, name: str) -> Element:
    """A section that begins with what the service as a whole does there."""
    section = SubElement(root, name)
    SubElement(section, "base")
    return section


def _browsers(inbound: Element, cors: Cors) -> None:
    policy = SubElement(inbound, "cors", {"allow-credentials": str(cors.credentials).lower()})
    _listed(policy, "allowed-origins", "origin", cors.origins)
    methods = _listed(policy, "allowed-methods", "method", cors.methods)
    if cors.max_age >= 0:
        methods.set("preflight-result-max-age", str(cors.max_age))
    _listed(policy, "allowed-headers", "header", cors.headers)


def _limits(inbound: Element, throttling: Throttling) -> None:
    """So many calls in a period that is just long enough for the burst; this tier counts for all clients together."""
    period = min(max(1, ceil(throttling.burst / throttling.rate)), _LONGEST_PERIOD)
    calls = max(1, round(throttling.rate * period))
    SubElement(inbound, "rate-limit", {"calls": str(calls), "renewal-period": str(period)})


def _token(inbound: Element, jwt: Authorizer, public: Sequence[str]) -> None:
    asked = " && ".join(f'context.Operation.Id != "{operation}"' for operation in public) or "true"
    when = SubElement(SubElement(inbound, "choose"), "when", condition=f"@({asked})")
    check = SubElement(
        when,
        "validate-jwt",
        {"header-name": jwt.header, "failed-validation-httpcode": "401", "require-scheme": "Bearer"},
    )
    SubElement(check, "openid-config", url=f"{jwt.issuer.rstrip('/')}/.well-known/openid-configuration")
    _listed(check, "audiences", "audience", jwt.audience)
    _listed(check, "issuers", "issuer", (jwt.issuer,))


def _listed(parent: Element, name: str, item: str, values: Iterable[str]) -> Element:
    found = SubElement(parent, name)
    for value in values:
        SubElement(found, item).text = value
    return found
