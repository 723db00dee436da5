"""How clients come in, on either way: straight to the hub with a token of their own, or with one that was negotiated.

`/negotiate` gives for a token of the person's one of Web PubSub's, for a few minutes. What the first token says travels
in the second as the name of its user, which nobody but the service can sign: it can be neither changed nor left out.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from semantest_hub import Hub
from semantest_tokens import TokenError, decoded
from semantest_upstream import Answer, Event, answered, let_in

PATH, METHODS = "/negotiate", ("GET", "POST")
MINUTES = 5
MARK, LONGEST_NAME = "semantest.", 1024
LARGEST_STATE = 4096
TOKENS = ("token", "access_token")

Claims = Mapping[str, Any]


def is_negotiation(request: Mapping[str, Any]) -> bool:
    """Whether somebody asks for an access token."""
    return str(request.get("rawPath")).rstrip("/") == PATH


def negotiated(request: Mapping[str, Any], judge: Callable[[str], Claims | None], hub: Hub) -> Answer:
    """An access token for whoever `judge` does not refuse (TokenError); None is somebody of whom nothing is known."""
    method, headers = request["requestContext"]["http"]["method"], request["headers"]
    origin = headers.get("origin", "")
    if not is_welcome(origin):
        return answered(403, {"message": "Forbidden"})
    if method == "OPTIONS":
        return answered(204, headers=_for_pages(origin))
    if method not in METHODS:
        return answered(405, {"message": "Method Not Allowed"}, {"allow": ", ".join(METHODS)})
    try:
        status, told = 200, _access(judge(_shown(request)), hub)
    except TokenError as reason:
        print(json.dumps({"event": "negotiate", "refused": str(reason)}))
        status, told = 401, {"message": "Unauthorized"}
    return answered(status, told, {"cache-control": "no-store", **_for_pages(origin)})


def claims_of(user: str) -> Claims:
    """What the token said that an access token was given for; raises TokenError for names that are not ours."""
    if not user.startswith(MARK):
        raise TokenError("its access token was not negotiated here")
    try:
        found = json.loads(decoded(user.removeprefix(MARK)))
    except ValueError as error:
        raise TokenError("it cannot be read") from error
    return found if isinstance(found, dict) else {}


def admitted(event: Event, claims: Claims | None = None, subprotocol: str = "") -> Answer:
    """Leave to come in for a client, with what is known of it from now on."""
    judged = {} if claims is None else {"claims": claims, **_handshake(event)}
    user = event.id if claims is None else str(claims.get("sub", "client"))
    return let_in(event.user or user, {"since": time.time(), **judged}, subprotocol)


def origin_of(event: Event) -> str:
    """The page that a client comes from, empty for who is no page."""
    headers = event.told().get("headers") or {}
    return str(next((values[-1] for name, values in headers.items() if name.lower() == "origin" and values), ""))


def is_welcome(origin: str) -> bool:
    """Browsers say which page they come from; who says nothing is no page, and no list means every page."""
    origins = [each.strip() for each in os.environ.get("ALLOWED_ORIGINS", "").split(",") if each.strip()]
    return not origin or not origins or origin in origins or "*" in origins


def _shown(request: Mapping[str, Any]) -> str:
    kind, _, token = request["headers"].get("authorization", "").partition(" ")
    return str(token if kind.lower() == "bearer" else (request.get("queryStringParameters") or {}).get("token", ""))


def _access(claims: Claims | None, hub: Hub) -> dict[str, str]:
    """In the form of Web PubSub's own samples."""
    base = os.environ["SEMANTEST_CLIENTS_ENDPOINT"]
    token = hub.access_token(_minutes(claims or {}), None if claims is None else _name(claims))
    return {"url": f"{base}?access_token={token}", "baseUrl": base, "accessToken": token}


def _minutes(claims: Claims) -> int:
    """No longer than the token that it is given for, but that minutes are counted whole."""
    ends: float = claims.get("exp", math.inf)
    return max(1, math.ceil(min(MINUTES, (ends - time.time()) / 60)))


def _name(claims: Claims) -> str:
    text = json.dumps(claims, separators=(",", ":")).encode()
    name = MARK + base64.urlsafe_b64encode(text).decode().rstrip("=")
    if len(name) > LONGEST_NAME:
        raise TokenError("it says more than an access token can carry")
    return name


def _for_pages(origin: str) -> dict[str, str]:
    """What browsers want to hear before they hand an answer to a page."""
    allowed = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
    }
    return {"vary": "origin", **(allowed if origin else {})}


def _handshake(event: Event) -> dict[str, Any]:
    """What the service behind will hear of the client's request: no token, and nothing where that is too much."""
    said = event.told()
    query = {name: values for name, values in (said.get("query") or {}).items() if name not in TOKENS}
    headers = {name: values for name, values in (said.get("headers") or {}).items() if name.lower() in _HEARD}
    kept = {"query": query, "headers": headers}
    return kept if len(json.dumps(kept)) <= LARGEST_STATE else {}


_HEARD = ("origin", "user-agent", "x-forwarded-for")
