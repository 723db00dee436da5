"""What clouds and browsers demand of an API: routes, CORS, throttling, tokens, and a way back to who is connected.

Paths start at the component.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from semantest_iac.domain.environments.authentication import ALLOWED_ORIGINS, DEFAULT_SECRET, REQUIRED, SIGNING_SECRET
from semantest_iac.domain.environments.configuration import asks_for_token, secret_name
from semantest_iac.domain.environments.judging import Finding, Rule, Subject, advise, refuse
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.environments.sections import CorsSection

LONGEST_CACHE = 86400  # seconds
LONGEST_ROUTE = 512

_PART = r"[A-Za-z0-9._~-]+|\{[A-Za-z_]\w*\}"
_PATH = re.compile(rf"/|(/({_PART}))+|(/({_PART}))*/\{{[A-Za-z_]\w*\+\}}", re.ASCII)
_PARAMETER = re.compile(r"\{\w+(\+?)\}")
_ORIGIN = re.compile(r"\*|(https?|chrome-extension|moz-extension)://(\*|[A-Za-z0-9.-]+)(:\d{1,5})?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_HTTP_ONLY = {
    "routes": "",
    "cors": f"Name the origins that may connect in the variable {ALLOWED_ORIGINS}.",
    "entry": "Name a handler such as app.handler: it is called with every connection and message.",
}


def http_only(subject: Subject) -> Iterator[Finding]:
    """A WebSocket API has neither paths nor CORS, and no server that listens behind it."""
    for key, hint in _HTTP_ONLY.items():
        if not subject.serves_http and getattr(subject.section, key) is not None:
            yield refuse(key, f"a WebSocket API has no {key}", hint)


def routes(subject: Subject) -> Iterator[Finding]:
    """Well-formed paths, each with its methods once; `{a}` and `{b}` are the same path to a gateway."""
    asked = subject.section.routes
    if asked == ():
        yield refuse("routes", "an API without routes answers nothing", "Leave the key out for all routes.")
    seen: set[tuple[str, str]] = set()
    for place, route in enumerate(asked or ()):
        yield from _path_findings(f"routes[{place}]", route.path)
        if not route.methods:
            yield refuse(f"routes[{place}].methods", "no method", "Use ANY for all.")
        for method in route.methods:
            key = (method, _PARAMETER.sub(r"{\1}", route.path))
            if key in seen:
                yield refuse(f"routes[{place}]", f"'{method} {shown(route.path)}' is there already")
            seen.add(key)


def _path_findings(at: str, path: str) -> Iterator[Finding]:
    dotted = any(part in (".", "..") for part in path.split("/"))
    if dotted or len(path) > LONGEST_ROUTE or not _PATH.fullmatch(path):
        hint = "Such as /api/items/{id}, or /{proxy+} for everything below."
        yield refuse(f"{at}.path", f"'{shown(path)}' is not a path", hint)


def cors(subject: Subject) -> Iterator[Finding]:
    """Origins that a browser can have, and no wildcard where credentials or real users are."""
    asked = subject.section.cors
    if asked is None:
        return
    for place, origin in enumerate(asked.origins):
        if not _ORIGIN.fullmatch(origin):
            hint = "Such as https://app.semantest.com, without a path."
            yield refuse(f"cors.origins[{place}]", f"'{shown(origin)}' is not an origin", hint)
    for place, header in enumerate(asked.headers or ()):
        if header != "*" and not _HEADER.fullmatch(header):
            yield refuse(f"cors.headers[{place}]", f"'{shown(header)}' is not the name of a header")
    if "*" in asked.origins:
        yield from _wildcard_findings(subject, asked)
    if asked.max_age is not None and asked.max_age not in range(-1, LONGEST_CACHE + 1):
        yield refuse("cors.max_age", f"max_age must be -1 to {LONGEST_CACHE} s, not {asked.max_age}")


def _wildcard_findings(subject: Subject, asked: CorsSection) -> Iterator[Finding]:
    hint = "Name the origins."
    if asked.credentials:
        yield refuse("cors", "'*' and credentials exclude each other: no browser accepts the pair", hint)
    elif subject.environment in ("staging", "production"):
        yield advise("cors.origins", f"'*' lets every web page call {subject.environment}", hint)


def throttling(subject: Subject) -> Iterator[Finding]:
    """Both limits above zero: a gateway answers 429 to every request otherwise."""
    asked = subject.section.throttling
    if asked.rate is not None and not 0 < asked.rate < float("inf"):
        yield refuse("throttling.rate", "rate must be above 0 requests a second")
    if asked.burst is not None and asked.burst < 1:
        yield refuse("throttling.burst", f"burst must be 1 or more, not {asked.burst}")


def authorizer(subject: Subject) -> Iterator[Finding]:
    """An issuer that can be fetched safely, and someone that the tokens are for."""
    asked = subject.section.authorizer
    if asked is None:
        return
    if not _is_https(asked.issuer):
        hint = "Such as https://login.semantest.com/."
        yield refuse("authorizer.issuer", f"'{shown(asked.issuer)}' is not an https address", hint)
    if not all(asked.audience) or not asked.audience:
        yield refuse("authorizer.audience", "no audience: a token for anyone would be let in")
    if asked.header is not None and not _HEADER.fullmatch(asked.header):
        yield refuse("authorizer.header", f"'{shown(asked.header)}' is not the name of a header")


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    clean = address.isprintable() and " " not in address and not parts.query and not parts.fragment
    return clean and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def tokens(subject: Subject) -> Iterator[Finding]:
    """What tokens of a WebSocket API are signed with is a secret, and a public one without tokens an exception."""
    if subject.serves_http:
        return
    section = subject.section
    asks = asks_for_token(subject.component, subject.environment, section)
    signed = section.environment.get(SIGNING_SECRET)
    if asks and signed is not None and secret_name(signed) is None:
        hint = f"Write ${{secrets.{DEFAULT_SECRET}}}, or leave it out: that is what is taken then."
        yield refuse(f"environment.{SIGNING_SECRET}", "what tokens are signed with must be a secret", hint)
    if not asks and subject.environment in ("staging", "production"):
        yield advise(f"environment.{REQUIRED}", f"anyone may connect to {subject.environment}")
    if section.authorizer and section.authorizer.header is not None:
        hint = "Browsers cannot send headers when they connect: the token is the query parameter 'token'."
        yield refuse("authorizer.header", "a WebSocket API reads no header", hint)


def way_out(subject: Subject) -> Iterator[Finding]:
    """What answers a WebSocket must reach its clients through the cloud, which a network without a way out does not."""
    asked = subject.section.network
    if not subject.serves_http and asked.private and not asked.subnet_ids:
        hint = "Name subnets with a way out under network.subnet_ids, or leave private off."
        yield refuse("network.private", "a WebSocket function must reach its connections from within", hint)


RULES: tuple[Rule, ...] = (http_only, routes, cors, throttling, authorizer, tokens, way_out)
