"""Validation rules for functions, APIs, variables, alarms and logs that hold on every cloud.

Paths are relative to the component; those of alarms and logs start at the top of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from math import isfinite
from urllib.parse import urlsplit

from semantest_iac.domain.environments.configuration import (
    component_requires_token,
    find_functions,
    list_function_values,
    list_variables,
)
from semantest_iac.domain.environments.environment_settings import LOG_RETENTIONS
from semantest_iac.domain.environments.names import Environment, make_printable
from semantest_iac.domain.environments.rules import scaling_rules
from semantest_iac.domain.environments.rules.domain_rules import check_domain
from semantest_iac.domain.environments.rules.findings import CloudLimits, Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.runtimes import find_runtime_fault
from semantest_iac.domain.environments.section_types import CorsSection, parse_secret_reference
from semantest_iac.domain.environments.sections import AlertSection, MonitoringSection, PackageSection
from semantest_iac.domain.environments.settings import (
    ALLOWED_ORIGINS,
    AUTHENTICATION_REQUIRED,
    DEFAULT_SIGNING_SECRET,
    GATEWAY_TIMEOUT_S,
    SIGNING_SECRET,
)
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.security.secret_patterns import SETTING_REFERENCE, looks_secret

LONGEST_CORS_CACHE_S = 86400
LONGEST_ROUTE = 512
HEALTH_STATUSES, HEALTH_TIMEOUTS_S = range(200, 599 + 1), range(1, 600 + 1)

_ROUTE_PART = r"[A-Za-z0-9._~-]+|\{[A-Za-z_]\w*\}"
_ROUTE_PATH = re.compile(rf"/|(/({_ROUTE_PART}))+|(/({_ROUTE_PART}))*/\{{[A-Za-z_]\w*\+\}}", re.ASCII)
_ROUTE_PARAMETER = re.compile(r"\{\w+(\+?)\}")
_HEALTH_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+/?", re.ASCII)
_ORIGIN = re.compile(  # as browsers send it, because clouds compare texts: in lower case, without its scheme's own port
    r"\*|(?!http:.*:80\Z|https:.*:443\Z)(https?|chrome-extension|moz-extension)://(\*|[a-z0-9.-]+)(:\d{1,5})?"
)
_ORIGIN_HINT = "Such as https://app.semantest.com: in lower case, without path, slash at the end, and port 443."
ROUTE_PATH_HINT = "Such as /api/items/{id}, or /{proxy+} for everything below."
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_PLAIN_TEXT = re.compile(r"(?!@)[!-z|~]+")
"""What no cloud takes for an expression: policies have them, in `@(…)` and in `{{…}}`."""
_HTTP_ONLY_HINTS = {
    "routes": "",
    "cors": f"Name the origins that may connect in the variable {ALLOWED_ORIGINS}.",
    "entry": "Name a handler such as app.handler, which is called for every connection and message.",
    "payload": "A WebSocket handler receives the events of connections, which have one form.",
    "app": "Name a handler such as app.handler, which is called for every connection and message.",
}


def check_http_only_keys(subject: RuleSubject) -> Iterator[Finding]:
    """A WebSocket API has no routes, no CORS and no server behind it."""
    for key, hint in _HTTP_ONLY_HINTS.items():
        if not subject.serves_http and getattr(subject.section, key) is not None:
            yield refuse(key, f"a WebSocket API has no {key}", hint)


def check_routes(subject: RuleSubject) -> Iterator[Finding]:
    """Paths are well-formed and have each method once; `{a}` and `{b}` are the same path to a gateway."""
    configured = subject.section.routes
    if configured == ():
        yield refuse("routes", "an API without routes answers no request", "Leave the key out for all routes.")
    seen: dict[tuple[str, str], str] = {}
    for index, route in enumerate(configured or ()):
        yield from _check_route_path(f"routes[{index}]", route.path)
        if not route.methods:
            yield refuse(f"routes[{index}].methods", "no method", "Use ANY for all.")
        for method in route.methods:
            key, shown = (method, normalize_route(route.path)), make_printable(route.path)
            if key in seen:
                other = make_printable(seen[key])
                reason = "is listed twice" if other == shown else f"and '{method} {other}' are the same"
                yield refuse(f"routes[{index}]", f"'{method} {shown}' {reason}", "Leave one of them out.")
            seen[key] = route.path


def normalize_route(path: str) -> str:
    """Return a path without the names of its variables, which tell no two paths apart."""
    return _ROUTE_PARAMETER.sub(r"{\1}", path)


def is_route_path(path: str) -> bool:
    """Whether every cloud takes the path of a route."""
    has_dots = any(part in (".", "..") for part in path.split("/"))
    return not has_dots and len(path) <= LONGEST_ROUTE and _ROUTE_PATH.fullmatch(path) is not None


def _check_route_path(at: str, path: str) -> Iterator[Finding]:
    if not is_route_path(path):
        yield refuse(f"{at}.path", f"'{make_printable(path)}' is not a path", ROUTE_PATH_HINT)


def check_cors(subject: RuleSubject) -> Iterator[Finding]:
    """Origins are valid, and no wildcard is used with credentials or in environments with real users."""
    configured = subject.section.cors
    if configured is None:
        return
    origins = configured.origins or ()
    for index, origin in enumerate(origins):
        if not _ORIGIN.fullmatch(origin):
            yield refuse(f"cors.origins[{index}]", f"'{make_printable(origin)}' is not an origin", _ORIGIN_HINT)
    for index, header in enumerate(configured.headers or ()):
        if header != "*" and not _HEADER.fullmatch(header):
            yield refuse(f"cors.headers[{index}]", f"'{make_printable(header)}' is not the name of a header")
    if "*" in origins:
        yield from _check_wildcard_origin(subject, configured)
    if configured.max_age is not None and configured.max_age not in range(-1, LONGEST_CORS_CACHE_S + 1):
        yield refuse("cors.max_age", f"max_age must be -1 to {LONGEST_CORS_CACHE_S} s, not {configured.max_age}")


def check_cors_without_origins(subject: RuleSubject) -> Iterator[Finding]:
    """Origins are named where the environment has none."""
    configured, settings = subject.section.cors, subject.settings
    if configured and configured.origins is None and settings and settings.cors is None:
        yield advise("cors", f"has no effect: {subject.environment} has no origins of its own", "Add cors.origins.")


def _check_wildcard_origin(subject: RuleSubject, configured: CorsSection) -> Iterator[Finding]:
    hint = "Name the origins."
    if configured.credentials:
        yield refuse("cors", "'*' and credentials exclude each other: no browser accepts the pair", hint)
    elif subject.built_in_environment in (Environment.STAGING, Environment.PRODUCTION):
        yield advise("cors.origins", f"'*' lets every web page call {subject.environment}", hint)


def check_throttling(subject: RuleSubject) -> Iterator[Finding]:
    """Limits are above zero: a gateway would answer 429 to every request."""
    configured = subject.section.throttling
    if configured.rate is not None and not 0 < configured.rate < float("inf"):
        yield refuse("throttling.rate", "rate must be above 0 requests a second")
    if configured.burst is not None and configured.burst < 1:
        yield refuse("throttling.burst", f"burst must be 1 or more, not {configured.burst}")


def check_authorizer(subject: RuleSubject) -> Iterator[Finding]:
    """The issuer has an https address, and the tokens have an audience."""
    configured = subject.section.authorizer
    if configured is None:
        return
    if not _is_https(configured.issuer):
        hint = "Such as https://login.semantest.com/."
        yield refuse("authorizer.issuer", f"'{make_printable(configured.issuer)}' is not an https address", hint)
    if not all(configured.audience) or not configured.audience:
        yield refuse("authorizer.audience", "no audience: tokens for anyone would be accepted")
    for index, audience in enumerate(configured.audience):
        if audience and not _PLAIN_TEXT.fullmatch(audience):
            reason = f"'{make_printable(audience)}' is not an audience: printable characters of ASCII without {{ and }}"
            yield refuse(f"authorizer.audience[{index}]", reason, "No spaces, and no @ at the start.")
    if configured.header is not None and not _HEADER.fullmatch(configured.header):
        yield refuse("authorizer.header", f"'{make_printable(configured.header)}' is not the name of a header")


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    clean = _PLAIN_TEXT.fullmatch(address) and not parts.query and not parts.fragment
    return bool(clean) and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def check_tokens(subject: RuleSubject) -> Iterator[Finding]:
    """Tokens of a WebSocket API are signed with a secret; outside of development they should be required."""
    if subject.serves_http:
        return
    section = subject.section
    asks = component_requires_token(subject.component, subject.built_in_environment, section)
    signed = section.environment.get(SIGNING_SECRET)
    if asks and signed is not None and parse_secret_reference(signed) is None:
        hint = f"Write ${{secrets.{DEFAULT_SIGNING_SECRET}}}, or leave it out: that is the default."
        yield refuse(f"environment.{SIGNING_SECRET}", "the key that signs tokens must be a secret", hint)
    if not asks and subject.built_in_environment in (Environment.STAGING, Environment.PRODUCTION):
        yield advise(f"environment.{AUTHENTICATION_REQUIRED}", f"anyone may connect to {subject.environment}")
    if section.authorizer and section.authorizer.header is not None:
        hint = "Browsers cannot send headers when they connect: the token is the query parameter 'token'."
        yield refuse("authorizer.header", "a WebSocket API reads no header", hint)


def check_health(subject: RuleSubject) -> Iterator[Finding]:
    """The path can be asked as it is, the status can be an answer, and the time is bounded."""
    configured = subject.section.health
    if configured is None:
        return
    expected = {"path": configured.path, "status": configured.status}
    named = {key: value for key, value in (expected | {"timeout_s": configured.timeout_s}).items() if value is not None}
    if configured.enabled is False and named:
        yield refuse("health", f"without a check, {', '.join(named)} has no effect", "Leave out one or the other.")
    if not subject.serves_http:
        for key in expected.keys() & named.keys():
            hint = "It is checked by a connection and two messages: set timeout_s, or health: none."
            yield refuse(f"health.{key}", "a WebSocket API is not asked by HTTP", hint)
    elif configured.path is not None and not _is_plain_path(configured.path):
        hint = "Such as /status or /api/health, without parameters and query."
        yield refuse("health.path", f"'{make_printable(configured.path)}' is not a path", hint)
    if configured.status is not None and configured.status not in HEALTH_STATUSES:
        yield refuse("health.status", f"status must be 200 to 599, not {configured.status}", "Such as 200 or 401.")
    if configured.timeout_s is not None and configured.timeout_s not in HEALTH_TIMEOUTS_S:
        yield refuse("health.timeout_s", f"timeout_s must be 1 to 600 s, not {configured.timeout_s}", "Such as 120.")


def _is_plain_path(path: str) -> bool:
    has_dots = any(part in (".", "..") for part in path.split("/"))
    return len(path) <= LONGEST_ROUTE and not has_dots and bool(_HEALTH_PATH.fullmatch(path))


def check_websocket_egress(subject: RuleSubject) -> Iterator[Finding]:
    """A WebSocket function calls the cloud's API to reach its clients, which a private network does not allow."""
    configured = subject.section.network
    if not subject.serves_http and configured.private and not configured.subnet_ids:
        hint = "Name subnets with an egress route under network.subnet_ids, or leave private off."
        yield refuse("network.private", "a WebSocket function needs an egress route to reach its clients", hint)


API_RULES: tuple[Rule, ...] = (
    check_http_only_keys,
    check_routes,
    check_cors,
    check_cors_without_origins,
    check_throttling,
    check_authorizer,
    check_tokens,
    check_health,
    check_websocket_egress,
    check_domain,
)

MEMORY_MB = range(128, 10240 + 1)
LONGEST_RUN_S = 900
GATEWAY_LIMIT_S = 30  # our 29 leave the function one second to answer
NETWORK_PREFIXES = range(16, 24 + 1)  # the network is divided into subnets, so the clouds' /28 is too small
LONGEST_SOURCE_PATH = 1024

_HANDLER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]*\.[A-Za-z_$][A-Za-z0-9_$]*")
_DRIVE = re.compile(r"[A-Za-z]:")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_memory(subject: RuleSubject) -> Iterator[Finding]:
    for path, configured in list_function_values(subject.section, "memory"):
        if configured is not None and configured not in MEMORY_MB:
            yield refuse(path, f"memory must be 128 to 10240 MB, not {configured}", "Such as 512 or 1024.")


def check_timeout(subject: RuleSubject) -> Iterator[Finding]:
    """A timeout is 1 to 29 s for HTTP requests, up to 900 s for a WebSocket."""
    for path, configured in list_function_values(subject.section, "timeout"):
        if configured is None:
            continue
        if configured < 1:
            yield refuse(path, f"timeout must be 1 s or more, not {configured}")
        elif subject.serves_http:
            yield from _check_http_timeout(path, configured, subject.limits.gateway)
        elif configured > LONGEST_RUN_S:
            yield refuse(path, f"timeout must be {LONGEST_RUN_S} s at most, not {configured}")


def _check_http_timeout(path: str, configured: int, gateway: str) -> Iterator[Finding]:
    if configured > GATEWAY_LIMIT_S:
        reason = f"{gateway} ends the request after {GATEWAY_LIMIT_S} s"
        hint = "Move work of up to 300 s to a queue-triggered function."
        yield refuse(path, f"timeout must be {GATEWAY_TIMEOUT_S} s at most, not {configured}: {reason}", hint)
    elif configured > GATEWAY_TIMEOUT_S:
        hint = f"Write {GATEWAY_TIMEOUT_S} to silence this."
        yield advise(path, f"{configured} s becomes {GATEWAY_TIMEOUT_S} s, before {gateway} ends the request", hint)


def check_runtime(subject: RuleSubject) -> Iterator[Finding]:
    """The provider supports the runtime today."""
    for path, name in list_function_values(subject.section, "runtime"):
        if name is None:
            continue
        if fault := find_runtime_fault(name, subject.provider, subject.limits.runtimes, subject.today):
            yield Finding(replace(fault, path=path), blocks=True)


def check_code_paths(subject: RuleSubject) -> Iterator[Finding]:
    """The source is a readable path; entry and handler stay inside it."""
    section = subject.section
    if section.source is not None and not _is_printable_path(section.source):
        yield refuse("source", f"'{make_printable(section.source)}' is not a path")
    if section.entry is not None and not _stays_inside(section.entry):
        hint = "Name a file inside the source, such as dist/start-server.js."
        yield refuse("entry", f"'{make_printable(section.entry)}' does not stay inside the source", hint)
    routes = ((f"routes[{index}].handler", route.handler) for index, route in enumerate(section.routes or ()))
    for path, handler in (*list_function_values(section, "handler"), *routes):
        if handler is not None and not (_HANDLER.fullmatch(handler) and _stays_inside(handler)):
            yield refuse(path, f"'{make_printable(handler)}' is not a handler", "Such as index.handler.")


def check_payload_format(subject: RuleSubject) -> Iterator[Finding]:
    """Only handlers of the user's own receive events; format 2.0 is what everything else is written for."""
    section = subject.section
    for name, function in section.functions.items():
        if function.payload == "1.0" and function.app is not None:
            path = f"functions.{name}.payload"
            yield refuse(path, "an application receives HTTP and no events", "Leave payload out.")
    if section.payload != "1.0" or not subject.serves_http:
        return
    hint = "Write it for the functions that have a handler." if section.functions else "Leave payload out."
    if section.source is None:
        yield refuse("payload", "the bundled service reads format 2.0", "Leave payload out.")
    elif section.entry is not None:
        yield refuse("payload", "a server receives HTTP and no events", hint)
    elif section.app is not None:
        yield refuse("payload", "an application receives HTTP and no events", hint)
    elif section.source.endswith(".zip") and section.handler is None and not find_functions(section):
        yield refuse("payload", "a whole app in a zip chooses the form of its requests itself", "Leave payload out.")


def check_package(subject: RuleSubject) -> Iterator[Finding]:
    """Patterns stay inside a source folder, and variables are named without their values."""
    section, asked = subject.section, subject.section.package
    is_zip = section.source is not None and section.source.endswith(".zip")
    if asked != PackageSection() and (section.source is None or is_zip):
        reason = "a zip is deployed as it is" if is_zip else "there is no source: the bundled service is packaged whole"
        yield refuse("package", f"has no effect, because {reason}", "Name a folder as source, or leave package out.")
    for key, patterns in (("exclude", asked.exclude), ("include", asked.include)):
        for place, pattern in enumerate(patterns):
            if not _stays_inside(pattern.removesuffix("/")):
                hint = "Such as config/.env.dev, docs or **/*.map, relative to the source."
                yield refuse(
                    f"package.{key}[{place}]", f"'{make_printable(pattern)}' is not a path of the source", hint
                )
    for place, name in enumerate(asked.pass_environment):
        if not _VARIABLE.fullmatch(name):
            hint = "Such as PUPPETEER_SKIP_DOWNLOAD: the name alone; its value is read where the command runs."
            yield refuse(f"package.pass_environment[{place}]", "is not the name of a variable", hint)


def _is_printable_path(text: str) -> bool:
    return 0 < len(text) <= LONGEST_SOURCE_PATH and text.isprintable()


def _stays_inside(text: str) -> bool:
    if not _is_printable_path(text) or "\\" in text or _DRIVE.match(text):
        return False
    return all(part not in ("", ".", "..") for part in text.split("/"))


def check_network(subject: RuleSubject) -> Iterator[Finding]:
    """A network has a usable range or existing subnets; a private one has no egress route."""
    configured = subject.section.network
    yield from _check_network_range(configured.cidr)
    if configured.private and not configured.subnet_ids:
        hint = "Name subnets with an egress route under network.subnet_ids, or leave private off."
        yield advise("network.private", "function in private subnets: no egress route", hint)
    if configured.cidr and (configured.subnet_ids or not configured.private):
        yield advise("network.cidr", "no effect: no network is created", "Set private, without subnet_ids.")


def _check_network_range(cidr: str | None) -> Iterator[Finding]:
    if cidr is None:
        return
    try:
        prefix = IPv4Network(cidr).prefixlen
    except ValueError:
        yield refuse("network.cidr", f"'{make_printable(cidr)}' is not a network", "Such as 10.10.0.0/16.")
        return
    if prefix not in NETWORK_PREFIXES:
        yield refuse("network.cidr", f"a network must be /16 to /24, not /{prefix}")


FUNCTION_RULES: tuple[Rule, ...] = (
    check_memory,
    check_timeout,
    check_runtime,
    check_code_paths,
    check_package,
    check_payload_format,
    scaling_rules.check_instances,
    scaling_rules.check_scaling_bounds,
    check_network,
)

EMAIL_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def check_monitoring(
    monitoring: MonitoringSection, provider: str, round_days: Callable[[int], int]
) -> Iterator[Finding]:
    """Alerts, addresses and the retention of logs are valid."""
    kinds = [alert.type for alert in monitoring.alerts or ()]
    for index, alert in enumerate(monitoring.alerts or ()):
        yield from _check_alert(f"monitoring.alerts[{index}]", alert, kinds[:index])
    for index, address in enumerate(monitoring.notify or ()):
        if not EMAIL_ADDRESS.fullmatch(address):
            yield refuse(f"monitoring.notify[{index}]", f"'{make_printable(address)}' is not an e-mail address")
    yield from _check_log_retention(monitoring.log_retention_days, provider, round_days)


def _check_alert(path: str, alert: AlertSection, earlier_types: Sequence[str]) -> Iterator[Finding]:
    maximum = 1 if alert.type == "error_rate" else float("inf")
    if not (isfinite(alert.threshold) and 0 < alert.threshold <= maximum):
        limits = "above 0, and 1 at most" if maximum == 1 else "above 0"
        yield refuse(f"{path}.threshold", f"threshold of {alert.type} must be {limits}")
    if alert.type in earlier_types:
        yield refuse(f"{path}.type", f"there is an alert of type {alert.type} already")


def _check_log_retention(days: int | None, provider: str, round_days: Callable[[int], int]) -> Iterator[Finding]:
    path, longest = "monitoring.log_retention_days", LOG_RETENTIONS[-1]
    if days is None:
        return
    if not 0 <= days <= longest:
        yield refuse(path, f"must be 0 (for ever) to {longest} days, not {days}")
    elif (rounded := round_days(days)) != days:
        rank = "nearest" if rounded < days else "next"
        yield advise(path, f"{days} days become {rounded}, the {rank} that {provider} has")


VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
SECRET_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_VARIABLE_NAME = 64

_BY_REFERENCE = "Put the value into a secret and write ${secrets.name} here."


def check_variables(subject: RuleSubject) -> Iterator[Finding]:
    """Variables have valid names that are not reserved, and hold no secrets."""
    for path, variables in list_variables(subject.section):
        for fault in find_variable_faults(variables, subject.limits):
            yield Finding(replace(fault, path=f"{path}.{fault.path}"), blocks=True)


def check_allowed_origins(subject: RuleSubject) -> Iterator[Finding]:
    """A WebSocket API compares these origins as text with what browsers send, which ends without a slash."""
    written = subject.section.environment.get(ALLOWED_ORIGINS, "")
    if subject.serves_http or parse_secret_reference(written) is not None:
        return
    for origin in filter(None, (part.strip() for part in written.split(","))):
        if origin != "*" and ("*" in origin or not _ORIGIN.fullmatch(origin)):
            reason = f"'{make_printable(origin)}' is not an origin"
            yield refuse(f"environment.{ALLOWED_ORIGINS}", reason, _ORIGIN_HINT)


def find_variable_faults(variables: Mapping[str, str], limits: CloudLimits) -> Iterator[Fault]:
    """Yield every fault at the name of its variable; no message shows a value."""
    for name, value in variables.items():
        at = make_printable(name)
        yield from filter(None, (_find_name_fault(at, name, limits), _find_reference_fault(at, value)))
        if looks_secret(name, value):
            yield Fault(at, "a plain value that looks like a secret", _BY_REFERENCE)


def _find_name_fault(at: str, name: str, limits: CloudLimits) -> Fault | None:
    if len(name) > LONGEST_VARIABLE_NAME or not VARIABLE_NAME.fullmatch(name):
        hint = f"Use letters, digits and '_', starting with a letter, 2 to {LONGEST_VARIABLE_NAME} characters."
        return Fault(at, "not the name of a variable", hint)
    if name.upper().startswith(limits.reserved_prefixes):
        return Fault(at, f"reserved; names that start with {', '.join(limits.reserved_prefixes)} are taken")
    if name.upper() in limits.reserved_names:
        return Fault(at, "reserved; the cloud sets it itself")
    return None


def _find_reference_fault(at: str, value: str) -> Fault | None:
    secret = parse_secret_reference(value)
    if secret is not None:
        return None if _is_secret_name(secret) else _secret_name_fault(at, secret)
    match = SETTING_REFERENCE.search(value)
    if match is None:
        return None
    if match.group(1).startswith("secrets."):
        hint = "Make the whole value the secret, and ${secrets.name} the whole value here."
        return Fault(at, "a secret cannot be a part of a value", hint)
    hint = "Use ${secrets.name} for a secret or ${env.NAME} for a variable of your own environment."
    return Fault(at, f"'${{{make_printable(match.group(1))}}}' refers to nothing", hint)


def _is_secret_name(secret: str) -> bool:
    return len(secret) <= LONGEST_VARIABLE_NAME and SECRET_NAME.fullmatch(secret) is not None


def _secret_name_fault(at: str, secret: str) -> Fault:
    hint = f"Use lower-case letters, digits and single '_', {LONGEST_VARIABLE_NAME} characters at most."
    return Fault(at, f"'{make_printable(secret)}' is not the name of a secret", hint)
