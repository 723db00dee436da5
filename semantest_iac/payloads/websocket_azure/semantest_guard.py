"""Azure's door to the token check: asked by Web PubSub once for each client that connects."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from semantest_identity import identity
from semantest_tokens import TokenError, checked
from semantest_upstream import CONNECT, Answer, Event, answered, is_welcome, let_in, served


def handler(request: Mapping[str, Any], context: object) -> Answer:
    """One client that wants to connect."""
    return served(request, identity(), answer)


def answer(event: Event) -> Answer:
    """Leave to connect, with what the token says."""
    if event.kind != CONNECT:
        return answered(400)
    if not is_welcome(event):
        return answered(403)
    token = next(iter((event.handshake().get("query") or {}).get("token") or ()), "")
    audiences = [each.strip() for each in os.environ.get("JWT_AUDIENCE", "").split(",") if each.strip()]
    try:
        issuer = os.environ.get("JWT_ISSUER", "")
        claims = checked(token, os.environ.get("JWT_SECRET", ""), time.time(), issuer=issuer, audiences=audiences)
    except TokenError as reason:
        print(json.dumps({"event": CONNECT, "refused": str(reason)}))
        return answered(401)
    return let_in(str(claims.get("sub", "client")), claims)
