"""Admits clients to the hub: with a token of their own, or with a client token that `/negotiate` issued.

`/negotiate` issues a client token of Web PubSub, for a few minutes, in exchange for the user's token. The claims of the
user's token travel in the client token as its user name, which only the service can sign: nobody can change or omit it.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from semantest_azure import Hub, get_hub
from semantest_cloudevents import CONNECT, Event, Response, accept_connect, build_response, receive_event
from semantest_identity import get_sender_identity
from semantest_tokens import TokenError, decode_base64url, verify_token

NEGOTIATE_PATH, NEGOTIATE_METHODS = "/negotiate", ("GET", "POST")
CLIENT_TOKEN_MINUTES = 5
USER_PREFIX, LONGEST_USER_NAME = "semantest.", 1024
LARGEST_STATE = 4096
TOKEN_PARAMETERS = ("token", "access_token")
STORED_HEADERS = ("origin", "user-agent", "x-forwarded-for")

Claims = Mapping[str, Any]


def handler(request: Mapping[str, Any], context: object) -> Response:
    """The authorizer's app: decides about a client that connects, or issues a client token."""
    if is_negotiation(request):
        return negotiate(request, verify_user_token, get_hub())
    return receive_event(request, get_sender_identity(), authorize)


def authorize(event: Event) -> Response:
    """Admit a client by its own token, or by the token in exchange for which its client token was issued."""
    if event.kind != CONNECT:
        return build_response(400)
    if not is_allowed_origin(origin_of(event)):
        return build_response(403)
    try:
        claims = claims_of_user(event.user) if event.user else verify_user_token(_query_token(event))
    except TokenError as reason:
        print(json.dumps({"event": CONNECT, "refused": str(reason)}))
        return build_response(401)
    return admit(event, claims)


def verify_user_token(token: str) -> Claims:
    """Verify a user's token and return its claims; raises TokenError."""
    variables = os.environ
    audiences = [each.strip() for each in variables.get("JWT_AUDIENCE", "").split(",") if each.strip()]
    issuer, secret = variables.get("JWT_ISSUER", ""), variables.get("JWT_SECRET", "")
    return verify_token(token, secret, time.time(), issuer=issuer, audiences=audiences)


def is_negotiation(request: Mapping[str, Any]) -> bool:
    return str(request.get("rawPath")).rstrip("/") == NEGOTIATE_PATH


def negotiate(request: Mapping[str, Any], verify: Callable[[str], Claims | None], hub: Hub) -> Response:
    """Issue a client token unless `verify` raises TokenError; it returns None if tokens are not required."""
    method, headers = request["requestContext"]["http"]["method"], request["headers"]
    origin = headers.get("origin", "")
    if not is_allowed_origin(origin):
        return build_response(403, {"message": "Forbidden"})
    if method == "OPTIONS":
        return build_response(204, headers=_cors_headers(origin))
    if method not in NEGOTIATE_METHODS:
        return build_response(405, {"message": "Method Not Allowed"}, {"allow": ", ".join(NEGOTIATE_METHODS)})
    try:
        status, body = 200, _issue_access(verify(_request_token(request)), hub)
    except TokenError as reason:
        print(json.dumps({"event": "negotiate", "refused": str(reason)}))
        status, body = 401, {"message": "Unauthorized"}
    return build_response(status, body, {"cache-control": "no-store", **_cors_headers(origin)})


def claims_of_user(user: str) -> Claims:
    """Read the claims in a user name; raises TokenError for a name that `/negotiate` did not make."""
    if not user.startswith(USER_PREFIX):
        raise TokenError("its access token was not negotiated here")
    try:
        claims = json.loads(decode_base64url(user.removeprefix(USER_PREFIX)))
    except ValueError as error:
        raise TokenError("it cannot be decoded") from error
    return claims if isinstance(claims, dict) else {}


def admit(event: Event, claims: Claims | None = None, subprotocol: str = "") -> Response:
    """Accept a client and store its claims and handshake with the connection; None if no token was verified."""
    verified = {} if claims is None else {"claims": claims, **_handshake(event)}
    user = event.id if claims is None else str(claims.get("sub", "client"))
    return accept_connect(event.user or user, {"since": time.time(), **verified}, subprotocol)


def origin_of(event: Event) -> str:
    """The origin of the page that connects; empty if the client is no browser."""
    headers = event.json().get("headers") or {}
    return str(next((values[-1] for name, values in headers.items() if name.lower() == "origin" and values), ""))


def is_allowed_origin(origin: str) -> bool:
    """Only browsers send an origin; without one, or without a list, every client is allowed."""
    origins = [each.strip() for each in os.environ.get("ALLOWED_ORIGINS", "").split(",") if each.strip()]
    return not origin or not origins or origin in origins or "*" in origins


def _query_token(event: Event) -> str:
    return str(next(iter((event.json().get("query") or {}).get("token") or ()), ""))


def _request_token(request: Mapping[str, Any]) -> str:
    scheme, _, token = request["headers"].get("authorization", "").partition(" ")
    return str(token if scheme.lower() == "bearer" else (request.get("queryStringParameters") or {}).get("token", ""))


def _issue_access(claims: Claims | None, hub: Hub) -> dict[str, str]:
    """Issue a client token and return it in the form of Web PubSub's own samples."""
    base = os.environ["SEMANTEST_CLIENTS_ENDPOINT"]
    token = hub.issue_token(_token_minutes(claims or {}), None if claims is None else _user_name(claims))
    return {"url": f"{base}?access_token={token}", "baseUrl": base, "accessToken": token}


def _token_minutes(claims: Claims) -> int:
    """The lifetime of a client token: at most that of the user's token, rounded up to whole minutes."""
    expires_at: float = claims.get("exp", math.inf)
    return max(1, math.ceil(min(CLIENT_TOKEN_MINUTES, (expires_at - time.time()) / 60)))


def _user_name(claims: Claims) -> str:
    text = json.dumps(claims, separators=(",", ":")).encode()
    name = USER_PREFIX + base64.urlsafe_b64encode(text).decode().rstrip("=")
    if len(name) > LONGEST_USER_NAME:
        raise TokenError("its claims are too large for an access token")
    return name


def _cors_headers(origin: str) -> dict[str, str]:
    allowed = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ", ".join(NEGOTIATE_METHODS),
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
    }
    return {"vary": "origin", **(allowed if origin else {})}


def _handshake(event: Event) -> dict[str, Any]:
    """Query and headers for the service behind, without tokens; empty if they are too large to store."""
    body = event.json()
    query = {name: values for name, values in (body.get("query") or {}).items() if name not in TOKEN_PARAMETERS}
    headers = {name: values for name, values in (body.get("headers") or {}).items() if name.lower() in STORED_HEADERS}
    handshake = {"query": query, "headers": headers}
    return handshake if len(json.dumps(handshake)) <= LARGEST_STATE else {}
