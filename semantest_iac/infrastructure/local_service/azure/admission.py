"""Web PubSub's own tokens on this machine: given to apps for their clients, and asked for where clients come in.

Source: Azure's documentation of client protocols, and the emulator of Web PubSub that its makers publish.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.infrastructure.local_service.socket_tokens import signed
from semantest_iac.infrastructure.local_service.sockets import Handshake

_QUERY, _HEADER, _KIND = "access_token", "authorization", "bearer"


@dataclass(frozen=True, slots=True)
class Admission:
    """To one hub; the key is drawn anew for each, and leaves this process in no token."""

    audience: str
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def given(self, user: str, minutes: int) -> str:
        """A token that names a user, or nobody."""
        now = int(time.time())
        named = {"sub": user} if user else {}
        return signed({**named, "aud": self.audience, "nbf": now, "iat": now, "exp": now + 60 * minutes}, self.key)

    def shown(self, handshake: Handshake) -> Mapping[str, Any] | None:
        """What the token of a handshake says; nothing where none is shown, None where it does not count."""
        token = next((value for name, value in handshake.query if name == _QUERY), "")
        headers = (value for name, value in handshake.headers if name.lower() == _HEADER)
        kind, _, said = next(headers, "").partition(" ")
        token = token or (said if kind.lower() == _KIND else "")
        return self._checked(token) if token else {}

    def _checked(self, token: str) -> Mapping[str, Any] | None:
        claims = _claims(token)
        is_ours = hmac.compare_digest(signed(claims, self.key).encode(), token.encode()) if claims else False
        is_now = claims["nbf"] <= time.time() < claims["exp"] if is_ours else False
        return claims if is_now and claims.get("aud") == self.audience else None


def admission(audience: str, stores: MutableMapping[str, Any]) -> Admission:
    """That of a hub through all of its versions."""
    found: Admission = stores.setdefault(f"tokens for {audience}", Admission(audience))
    return found


def _claims(token: str) -> Mapping[str, Any]:
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
