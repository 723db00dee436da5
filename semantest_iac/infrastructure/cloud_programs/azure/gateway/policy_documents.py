"""The policies of the gateway in front of services: one for each API, and one for each product."""

from __future__ import annotations

from ipaddress import IPv4Network
from xml.etree.ElementTree import Element, SubElement

from semantest_iac.domain.environments.settings import GATEWAY_TIMEOUT_S
from semantest_iac.domain.networking.managed_gateways import (
    KEY_HEADER,
    LOGIN_HEADER,
    LOGIN_REALM,
    QUOTA_PERIODS_S,
    GatewayApi,
    GatewayProduct,
    HeaderRules,
    ResponseCache,
)
from semantest_iac.infrastructure.cloud_programs.azure.gateway.policy_elements import (
    ORIGINAL_HOST,
    ORIGINAL_HOST_HEADER,
    add_cors,
    add_header,
    add_section,
    add_token_check,
    remove_header,
    remove_parameter,
    render_policy,
)

LOGIN_VALUE_ID = "gateway-login"
"""The named value with the user and the password, as clients send them: in base64, which no expression can end."""
_DIGEST = "Convert.ToBase64String(System.Security.Cryptography.SHA256.Create().ComputeHash(Encoding.UTF8.GetBytes({})))"


def build_api_policy(api: GatewayApi) -> str:
    """Build the policy of an API: who may call, then the limits of the product and of the API, the cache, headers.

    The limits count only requests that may pass. The backend gets neither the key nor the login.
    """
    root = Element("policies")
    inbound = SubElement(root, "inbound")
    _add_access_checks(inbound, api)
    SubElement(inbound, "base")
    if api.rate:
        limit = {"calls": str(api.rate.calls), "renewal-period": str(api.rate.seconds)}
        SubElement(inbound, "rate-limit-by-key", {**limit, "counter-key": "@(context.Api.Id)"})
    if api.cache:
        _add_cache_lookup(inbound, api.cache, api)
    _add_request_changes(inbound, api)
    SubElement(SubElement(root, "backend"), "forward-request", timeout=str(GATEWAY_TIMEOUT_S))
    outbound = add_section(root, "outbound")
    if api.cache:
        SubElement(outbound, "cache-store", duration=str(api.cache.seconds))
    _add_header_rules(outbound, api.response_headers)
    add_section(root, "on-error")
    return render_policy(root)


def _add_access_checks(inbound: Element, api: GatewayApi) -> None:
    if api.cors:
        add_cors(inbound, api.cors)
    if api.allowed_ips:
        _add_address_filter(inbound, api.allowed_ips)
    if api.needs_login:
        _add_login_check(inbound)
    if api.authorizer:
        add_token_check(inbound, api.authorizer)


def _add_request_changes(inbound: Element, api: GatewayApi) -> None:
    if api.needs_key:  # API Management takes it as a parameter, too
        remove_header(inbound, KEY_HEADER)
        remove_parameter(inbound, KEY_HEADER)
    if api.needs_login:
        remove_header(inbound, LOGIN_HEADER)
    add_header(inbound, ORIGINAL_HOST_HEADER, ORIGINAL_HOST)
    _add_header_rules(inbound, api.request_headers)
    SubElement(inbound, "set-backend-service", {"backend-id": api.name})


def _add_address_filter(inbound: Element, allowed: tuple[str, ...]) -> None:
    ip_filter = SubElement(inbound, "ip-filter", action="allow")
    networks = [IPv4Network(it) for it in allowed]
    for network in networks:
        if network.prefixlen == network.max_prefixlen:
            SubElement(ip_filter, "address").text = str(network.network_address)
    for network in networks:
        if network.prefixlen < network.max_prefixlen:
            ends = {"from": str(network[0]), "to": str(network[-1])}
            SubElement(ip_filter, "address-range", ends)


def _add_login_check(inbound: Element) -> None:
    """Compare what the client sends with the login; `authentication-basic` would log the gateway in at its backend.

    Digests are compared: how long two texts take tells how much of the login is right, and of digests tells nothing.
    """
    sent = _DIGEST.format(f'context.Request.Headers.GetValueOrDefault("{LOGIN_HEADER}", "")')
    expected = _DIGEST.format(f'"Basic {{{{{LOGIN_VALUE_ID}}}}}"')
    condition = f"@({sent} != {expected})"
    when = SubElement(SubElement(inbound, "choose"), "when", condition=condition)
    response = SubElement(when, "return-response")
    SubElement(response, "set-status", code="401", reason="Unauthorized")
    add_header(response, "WWW-Authenticate", f'Basic realm="{LOGIN_REALM}"')


def _add_cache_lookup(inbound: Element, cache: ResponseCache, api: GatewayApi) -> None:
    """Look for an answer after who calls was checked; answers differ by token, and not by the one login."""
    private = api.needs_login or api.authorizer is not None
    lookup = SubElement(
        inbound,
        "cache-lookup",
        {
            "vary-by-developer": "false",
            "vary-by-developer-groups": "false",
            "caching-type": "internal",
            "downstream-caching-type": "none",
            "allow-private-response-caching": str(private).lower(),
        },
    )
    for name in api.cache_headers:
        SubElement(lookup, "vary-by-header").text = name
    for name in cache.query:
        SubElement(lookup, "vary-by-query-parameter").text = name


def _add_header_rules(section: Element, rules: HeaderRules) -> None:
    for name in rules.remove:
        remove_header(section, name)
    for name, value in rules.set:
        add_header(section, name, value)


def build_product_policy(product: GatewayProduct) -> str:
    """Build the policy of a product, whose limits count each subscription by itself.

    A quota that is used up is answered like a rate: API Management itself would answer with 403.
    """
    root = Element("policies")
    inbound = add_section(root, "inbound")
    if product.rate:
        limit = {"calls": str(product.rate.calls), "renewal-period": str(product.rate.seconds)}
        SubElement(inbound, "rate-limit", limit)
    if product.quota:
        period = QUOTA_PERIODS_S[product.quota.period]
        SubElement(inbound, "quota", {"calls": str(product.quota.calls), "renewal-period": str(period)})
    for name in ("backend", "outbound"):
        add_section(root, name)
    on_error = add_section(root, "on-error")
    if product.quota:
        condition = '@(context.LastError.Reason == "QuotaExceeded")'
        when = SubElement(SubElement(on_error, "choose"), "when", condition=condition)
        SubElement(when, "set-status", code="429", reason="Too Many Requests")
    return render_policy(root)
