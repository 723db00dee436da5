"""Azure's door to the token check: asked by Web PubSub once for each client that connects, and by who negotiates."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from semantest_entrance import admitted, claims_of, is_negotiation, is_welcome, negotiated, origin_of
from semantest_hub import hub
from semantest_identity import identity
from semantest_tokens import TokenError, checked
from semantest_upstream import CONNECT, Answer, Event, answered, served


def handler(request: Mapping[str, Any], context: object) -> Answer:
    """One client that wants to connect, or a token with which to do so."""
    if is_negotiation(request):
        return negotiated(request, judged, hub())
    return served(request, identity(), answer)


def answer(event: Event) -> Answer:
    """Leave to connect, with what the token says: the client's own, or the one that its access token was given for."""
    if event.kind != CONNECT:
        return answered(400)
    if not is_welcome(origin_of(event)):
        return answered(403)
    try:
        claims = claims_of(event.user) if event.user else judged(_shown(event))
    except TokenError as reason:
        print(json.dumps({"event": CONNECT, "refused": str(reason)}))
        return answered(401)
    return admitted(event, claims)


def judged(token: str) -> Mapping[str, Any]:
    """What a client's own token says; raises TokenError."""
    told = os.environ
    audiences = [each.strip() for each in told.get("JWT_AUDIENCE", "").split(",") if each.strip()]
    issuer, secret = told.get("JWT_ISSUER", ""), told.get("JWT_SECRET", "")
    return checked(token, secret, time.time(), issuer=issuer, audiences=audiences)


def _shown(event: Event) -> str:
    return str(next(iter((event.told().get("query") or {}).get("token") or ()), ""))
