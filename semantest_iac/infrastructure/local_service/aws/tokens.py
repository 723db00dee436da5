"""JSON web tokens as far as this machine can check them: form, issuer, audience and time, but for the signature."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest

UNCHECKED = "The token's signature was not checked: its issuer's keys are not on this machine."
_SOURCE = "$request.header."


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Who must have signed for whom, and which header carries the token."""

    issuer: str
    audiences: Sequence[str]
    header: str = "authorization"

    def claims(self, request: HttpRequest, clock: Callable[[], float] = time.time) -> Mapping[str, Any] | None:
        """The claims of the request's token; None where there is none that API Gateway would accept."""
        text = request.header(self.header)
        claims = _claims(text.removeprefix("Bearer ").removeprefix("bearer ").strip())
        return claims if claims is not None and self._accepts(claims, clock()) else None

    def _accepts(self, claims: Mapping[str, Any], now: float) -> bool:
        meant = claims.get("aud", claims.get("client_id"))
        audiences = meant if isinstance(meant, list) else [meant]
        times = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
        if claims.get("iss") != self.issuer or not set(self.audiences) & {
            it for it in audiences if isinstance(it, str)
        }:
            return False
        if not all(isinstance(it, (int, float)) for it in times):
            return False
        expires, *begins = times
        return bool(now < expires and all(begin <= now for begin in begins))


def token_rules(authorizer: Mapping[str, Any]) -> TokenRules:
    """The rules of a deployed JWT authorizer."""
    jwt = authorizer.get("jwtConfiguration") or {}
    source = next(iter(authorizer.get("identitySources") or ()), f"{_SOURCE}authorization")
    header = str(source).removeprefix(_SOURCE).lower()
    return TokenRules(str(jwt.get("issuer", "")), tuple(jwt.get("audiences") or ()), header)


def _claims(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except ValueError:
        return None
    is_signed = isinstance(header, dict) and str(header.get("alg", "none")).startswith(("RS", "ES", "PS"))
    return claims if is_signed and isinstance(claims, dict) else None
