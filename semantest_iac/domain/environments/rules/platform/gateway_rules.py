"""Validation rules for the gateway in front of services; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, ip_address
from urllib.parse import urlsplit

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.platform.gateway_resolution import (
    DEFAULT_PRODUCT,
    find_gateway_apis,
    find_whole_path,
)
from semantest_iac.domain.environments.platform.gateway_sections import (
    GatewayApiSection,
    GatewayLoginSection,
    GatewayProductSection,
    GatewaySection,
    HeaderRulesSection,
    ResponseCacheSection,
)
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.rules.component_rules import (
    EMAIL_ADDRESS,
    check_authorizer,
    check_cors,
    check_routes,
)
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.rules.messaging_rules import is_resource_name, refuse_name
from semantest_iac.domain.environments.section_types import parse_secret_reference
from semantest_iac.domain.environments.sections import ComponentSection, RouteSection

RATE_SECONDS, ANSWER_CACHE_SECONDS = range(1, 300 + 1), range(1, 3600 + 1)
"""What every cloud takes; sources: their references of rate limits and of caches."""
LARGEST_LIMIT = 1_000_000_000
LONGEST_GATEWAY_PATH = 128
_PATH = re.compile(r"/|(/[A-Za-z0-9._-]+)+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A name that expressions of every cloud take; source: the reference of parameter mappings of the strictest."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_HEADER_VALUE = re.compile(r"(?=[^ @])[\x20-\x7e]{0,1023}[\x21-\x7e]")
_EXPRESSION_MARKS = ("{{", "${")
_BACKEND = re.compile(r"[A-Za-z0-9._~:/%@!&*+,;=()\[\]-]+")
_USER = re.compile(r"[\x21-\x39\x3b-\x7e]{1,64}")
_FIXED_HEADERS = frozenset(
    ("connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-api-key")
)
"""The headers that HTTP sets or the gateway itself reads."""


def check_gateway(subject: RuleSubject) -> Iterator[Finding]:
    """APIs, products, subscriptions and the login fit each other, and what every cloud takes."""
    section = subject.section.gateway
    services = tuple(subject.section.services or ())
    if section is None and subject.type == "gateway":
        yield refuse("gateway", "missing: a gateway leads to APIs", "Such as gateway: {apis: {orders: {url: …}}}.")
    if section is None:
        return
    for finding in _check_section(section, services, subject):
        yield finding.move_to(f"gateway.{finding.fault.path}")


def _check_section(section: GatewaySection, services: Collection[str], subject: RuleSubject) -> Iterator[Finding]:
    if section.publisher_email is not None and not EMAIL_ADDRESS.fullmatch(section.publisher_email):
        reason = f"'{make_printable(section.publisher_email)}' is not an e-mail address"
        yield refuse("publisher_email", reason, "Such as api@semantest.com.")
    apis = find_gateway_apis(section, services)
    if not apis:
        reason = "there is no API: no gateway is deployed, for it would answer 404 to everybody"
        report = refuse if subject.type == "gateway" else advise
        yield report("apis", reason, "Write apis, or services of the component.")
    yield from _check_names(section)
    yield from _check_paths(apis)
    for name, api in apis.items():
        at = f"apis.{make_printable(name)}"
        yield from _check_backend(at, api, services, subject)
        yield from _check_limits(at, api)
        yield from _check_who_may_call(at, api, section, subject)
        yield from _check_headers(f"{at}.request_headers", api.request_headers)
        yield from _check_headers(f"{at}.response_headers", api.response_headers)
        yield from _check_operations(at, api, subject)
    yield from _check_overlaps(apis)
    yield from _check_products(section, apis)
    yield from _check_login(section, apis)


def _check_names(section: GatewaySection) -> Iterator[Finding]:
    for key in ("apis", "products", "subscriptions"):
        for name in getattr(section, key) or ():
            if not is_resource_name(name):
                yield refuse_name(f"{key}.{make_printable(name)}", name)


def _check_paths(apis: Mapping[str, GatewayApiSection]) -> Iterator[Finding]:
    """Each API has a path of its own; below the path of another, the longer one holds."""
    taken: dict[str, str] = {}
    for name, api in apis.items():
        at, path = f"apis.{make_printable(name)}.path", api.path or f"/{name}"
        if api.path is None and not is_resource_name(name):
            continue  # a better name is a path
        if api.version is not None and not _VERSION.fullmatch(api.version):
            reason = f"'{make_printable(api.version)}' is not a version: letters, digits, points, hyphens"
            yield refuse(f"apis.{make_printable(name)}.version", reason, "Such as v1 or 2026-12-01.")
        has_dots = any(part in (".", "..") for part in path.split("/"))
        if has_dots or len(path) > LONGEST_GATEWAY_PATH or not _PATH.fullmatch(path):
            yield refuse(
                at, f"'{make_printable(path)}' is not a path of an API", "Such as /orders, or / for all paths."
            )
        elif (other := taken.setdefault(find_whole_path(name, api).lower(), name)) != name:
            yield refuse(at, f"the API '{other}' has this path already", "Choose another path, or another version.")


def _check_backend(
    at: str, api: GatewayApiSection, services: Collection[str], subject: RuleSubject
) -> Iterator[Finding]:
    """One service of the component, or one address, answers."""
    if (api.service is None) is (api.url is None):
        problem = "names both a service and a url" if api.url else "names neither a service nor a url"
        yield refuse(at, f"{problem}: one backend answers", "Name one of them.")
    if api.service is not None and api.service not in services:
        known = suggest_known(api.service, services) if services else "Write it below services, or a url in its place."
        yield refuse(f"{at}.service", f"there is no service '{make_printable(api.service)}'", known)
    elif api.service is not None and _lacks_services(subject.platform):
        yield refuse(f"{at}.service", "services are turned off", "Turn on features.enable_container_apps.")
    if api.url is not None and not _is_backend_address(api.url):
        hint = "Such as https://api.example.org/v1: https, without a query, a name or a password."
        yield refuse(f"{at}.url", f"'{make_printable(api.url)}' is not the address of a backend", hint)
    elif api.url is not None and _is_own_machine(api.url):
        hint = "Name a service of the component, or the address at which a cloud reaches the backend."
        yield refuse(f"{at}.url", f"'{make_printable(api.url)}' is this machine, which no cloud reaches", hint)
    if api.openapi is not None:
        yield refuse(f"{at}.openapi", "the document is not here: it is read with the file", "Write its operations.")


def _lacks_services(platform: PlatformSettings | None) -> bool:
    """Whether there is a gateway and no service; one that is turned off itself leads nowhere."""
    return platform is not None and "gateway" in platform.layers and "services" not in platform.layers


def _is_backend_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and _BACKEND.fullmatch(url)
    return parts.scheme == "https" and bool(parts.hostname) and bool(plain) and port_is_valid


def _is_own_machine(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_limits(at: str, api: GatewayApiSection) -> Iterator[Finding]:
    if api.rate is not None:
        yield from _check_rate(f"{at}.rate", api.rate.calls, api.rate.seconds)
    if api.cache is not None:
        yield from _check_cache(f"{at}.cache", api.cache, api)
    for index, address in enumerate(api.allow_ips or ()):
        if not _is_network(address):
            hint = "Such as 203.0.113.7 or 203.0.113.0/24; addresses of IPv4 alone."
            yield refuse(f"{at}.allow_ips[{index}]", f"'{make_printable(address)}' is not an address", hint)
    if api.allow_ips == ():
        yield refuse(f"{at}.allow_ips", "nobody may call", "Leave it out for everybody.")


def _check_rate(at: str, calls: int, seconds: int | None) -> Iterator[Finding]:
    if not 1 <= calls <= LARGEST_LIMIT:
        yield refuse(f"{at}.calls", f"calls must be 1 to {LARGEST_LIMIT}, not {calls}")
    if seconds is not None and seconds not in RATE_SECONDS:
        hint = "A quota of a product counts for longer."
        yield refuse(f"{at}.seconds", f"seconds must be 1 to {RATE_SECONDS[-1]}, not {seconds}", hint)


def _check_cache(at: str, cache: ResponseCacheSection, api: GatewayApiSection) -> Iterator[Finding]:
    """It is known on which parameters answers depend: an answer to another question would be wrong."""
    if cache.seconds not in ANSWER_CACHE_SECONDS:
        yield refuse(f"{at}.seconds", f"seconds must be 1 to {ANSWER_CACHE_SECONDS[-1]}, not {cache.seconds}")
    if cache.query is None and api.operations is None:
        hint = "Name them, such as [page, limit], or write [] where they depend on the path alone."
        yield refuse(f"{at}.query", "missing: on which parameters do the answers depend?", hint)
    for key, names in (("query", cache.query), ("headers", cache.headers)):
        for index, name in enumerate(names or ()):
            if not _NAME.fullmatch(name):
                yield refuse(f"{at}.{key}[{index}]", f"'{make_printable(name)}' is not a name")
    takes_get = any({"GET", "ANY"} & {*it.methods} for it in api.operations or ())
    if api.operations is not None and not takes_get:
        yield refuse(at, "none of the operations takes GET, and nothing else is kept", "Leave it out.")


def _is_network(text: str) -> bool:
    try:
        IPv4Network(text)
    except ValueError:
        return False
    return True


def _check_who_may_call(
    at: str, api: GatewayApiSection, section: GatewaySection, subject: RuleSubject
) -> Iterator[Finding]:
    if api.login and section.login is None:
        yield refuse(f"{at}.login", "there is no login", "Write gateway.login with a user and a password.")
    token_header = (api.jwt.header or "Authorization") if api.jwt else ""
    if api.login and token_header.lower() == "authorization":
        reason = "the login and the token would be in one header, Authorization"
        yield refuse(f"{at}.jwt", reason, "Leave out one of them, or name another header: jwt.header.")
    if token_header.lower() in _FIXED_HEADERS:
        yield refuse(f"{at}.jwt.header", f"'{token_header}' has another meaning", "Such as X-Token.")
    if api.key is False and not api.login and api.jwt is None:
        yield advise(f"{at}.key", "everybody may call it, without a key, a login or a token", "Write key: true.")
    own = replace(subject, section=ComponentSection(cors=api.cors, authorizer=api.jwt))
    for rule, key in ((check_cors, "cors"), (check_authorizer, "jwt")):
        for finding in rule(own):
            inner = finding.fault.path.partition(".")[2]
            yield finding.move_to(".".join(filter(None, (at, key, inner))))


def _check_headers(at: str, headers: HeaderRulesSection) -> Iterator[Finding]:
    for name, value in headers.set.items():
        yield from _check_header_name(f"{at}.set.{make_printable(name)}", name)
        if not _HEADER_VALUE.fullmatch(value) or any(mark in value for mark in _EXPRESSION_MARKS):
            reason = "is not the value of a header: printable characters of ASCII, no {{ or ${, no @ or space before it"
            yield refuse(f"{at}.set.{make_printable(name)}", f"'{make_printable(value)}' {reason}")
    for index, name in enumerate(headers.remove):
        yield from _check_header_name(f"{at}.remove[{index}]", name)
    changed = [name.lower() for name in (*headers.set, *headers.remove)]
    for name in sorted({it for it in changed if changed.count(it) > 1}):
        yield refuse(at, f"'{make_printable(name)}' is named twice", "Name it once.")


def _check_header_name(at: str, name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        yield refuse(at, f"'{make_printable(name)}' is not the name of a header")
    elif name.lower() in _FIXED_HEADERS:
        yield refuse(at, f"'{name}' is set by HTTP or by the gateway itself", "Leave it out.")


def _check_operations(at: str, api: GatewayApiSection, subject: RuleSubject) -> Iterator[Finding]:
    """Operations are as the routes of an API."""
    if api.operations is None:
        return
    routes = tuple(RouteSection(path=it.path, methods=it.methods) for it in api.operations)
    for finding in check_routes(replace(subject, section=ComponentSection(routes=routes))):
        yield finding.move_to(f"{at}.{finding.fault.path.replace('routes', 'operations', 1)}")
    for index, operation in enumerate(api.operations):
        if "~" in operation.path:
            yield refuse(f"{at}.operations[{index}].path", "'~' is not in the paths that every gateway takes")
        for name in operation.query:
            if not _NAME.fullmatch(name):
                yield refuse(f"{at}.operations[{index}].query", f"'{make_printable(name)}' is not a name")


def _check_overlaps(apis: Mapping[str, GatewayApiSection]) -> Iterator[Finding]:
    """No operation is below the path of another API, which asks for other things and gets the requests."""
    paths = {name: find_whole_path(name, api).rstrip("/") for name, api in apis.items()}
    for name, api in apis.items():
        below = {other: path for other, path in paths.items() if path.startswith(f"{paths[name]}/")}
        for index, operation in enumerate(api.operations or ()):
            whole = f"{paths[name]}{operation.path}/"
            for other in (it for it, path in below.items() if whole.startswith(f"{path}/")):
                at = f"apis.{make_printable(name)}.operations[{index}].path"
                yield refuse(at, f"the API '{make_printable(other)}' gets these requests", "Write it there.")


def _check_products(section: GatewaySection, apis: Mapping[str, GatewayApiSection]) -> Iterator[Finding]:
    """Products have APIs that need a key, every such API is in one, and subscriptions are of products."""
    with_key = [name for name, api in apis.items() if api.key is not False]
    for name, product in (section.products or {}).items():
        yield from _check_product(f"products.{make_printable(name)}", product, apis, with_key)
    if section.products is not None:
        sold = {api for product in section.products.values() for api in product.apis}
        for name in with_key:
            if name not in sold:
                hint = "Add it to a product, or write key: false."
                yield refuse(f"apis.{make_printable(name)}", "needs a key, and is in no product", hint)
    yield from _check_subscriptions(section, bool(with_key))


def _check_product(
    at: str, product: GatewayProductSection, apis: Collection[str], with_key: Collection[str]
) -> Iterator[Finding]:
    if not product.apis:
        yield refuse(f"{at}.apis", "no API", "Name at least one.")
    for index, api in enumerate(product.apis):
        if api not in apis:
            hint = suggest_known(api, apis) if apis else "Add it to apis."
            yield refuse(f"{at}.apis[{index}]", f"there is no API '{make_printable(api)}'", hint)
        elif api not in with_key:
            yield refuse(f"{at}.apis[{index}]", f"'{api}' needs no key", "Leave it out, or write key: true.")
    if product.rate is not None:
        yield from _check_rate(f"{at}.rate", product.rate.calls, product.rate.seconds)
    if product.quota is not None and not 1 <= product.quota.calls <= LARGEST_LIMIT:
        yield refuse(f"{at}.quota.calls", f"calls must be 1 to {LARGEST_LIMIT}, not {product.quota.calls}")


def _check_subscriptions(section: GatewaySection, has_default: bool) -> Iterator[Finding]:
    known = tuple(section.products) if section.products is not None else (DEFAULT_PRODUCT,) * has_default
    for name, subscription in (section.subscriptions or {}).items():
        if subscription.product not in known:
            hint = suggest_known(subscription.product, known) if known else "Add it to products."
            at = f"subscriptions.{make_printable(name)}.product"
            yield refuse(at, f"there is no product '{make_printable(subscription.product)}'", hint)


def _check_login(section: GatewaySection, apis: Mapping[str, GatewayApiSection]) -> Iterator[Finding]:
    login = section.login
    if login is None:
        return
    yield from _check_credentials(login)
    if not any(api.login for api in apis.values()):
        yield advise("login", "has no effect: no API asks for it", "Write login: true below an API.")


def _check_credentials(login: GatewayLoginSection) -> Iterator[Finding]:
    if not _USER.fullmatch(login.user):
        reason = f"'{make_printable(login.user)}' is not a name: printable characters of ASCII but for : and spaces"
        yield refuse("login.user", reason, "Such as semantest.")
    if parse_secret_reference(login.password) is None:
        yield refuse("login.password", "is not a secret", "Write ${secrets.name} and nothing else.")


GATEWAY_RULES: tuple[Rule, ...] = (check_gateway,)
