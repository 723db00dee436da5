"""Makes JSON web tokens, also those with which a probe passes an authorizer, and judges those of clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

PROBE_TOKEN_LIFETIME_S = 60
_JWT_SECRET_NAME = "JWT_SECRET"  # noqa: S105 - a name


def sign_probe_token(authorizer: FunctionSpec) -> str:
    """Sign a token that the authorizer accepts for one minute; empty if the authorizer has no secret."""
    variables = authorizer.environment
    references = json.loads(variables.get("SEMANTEST_SECRETS") or "{}")
    reference: str = references.get(_JWT_SECRET_NAME) or variables.get(_JWT_SECRET_NAME, "")
    if reference not in authorizer.secrets:
        return ""
    audience = variables.get("JWT_AUDIENCE", "").split(",")[0].strip()
    parties = {"iss": variables.get("JWT_ISSUER"), "aud": audience}
    claims = {"sub": "verification", "exp": int(time.time()) + PROBE_TOKEN_LIFETIME_S}
    required = {name: value for name, value in parties.items() if value}
    return sign_hs256_token({**claims, **required}, authorizer.secrets[reference])


def sign_hs256_token(claims: Mapping[str, Any], secret: str) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    return encode_token(header, claims, lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest())


def encode_token(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Encode a token; `sign` receives its first two parts and returns the signature."""
    text = ".".join(encode_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encode_base64url(sign(text.encode()))}"


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_token_part(part: str) -> Any:
    """Decode a header or claims without checking the signature; raises ValueError for other text."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@dataclass(frozen=True, slots=True)
class JwtRules:
    """What a gateway requires of a token, except its signature; `header` carries the token.

    Without an issuer or audiences, every one is accepted.
    """

    issuer: str
    audiences: Sequence[str]
    header: str = "authorization"

    def claims_ignoring_signature(
        self, request: HttpRequest, clock: Callable[[], float] = time.time
    ) -> Mapping[str, Any] | None:
        """Read the claims of the request's token; None if the gateway would refuse it."""
        text = request.header(self.header)
        claims = _decode_claims(text.removeprefix("Bearer ").removeprefix("bearer ").strip())
        return claims if claims is not None and self._accepts(claims, clock()) else None

    def _accepts(self, claims: Mapping[str, Any], now: float) -> bool:
        audience = claims.get("aud", claims.get("client_id"))
        audiences = {it for it in (audience if isinstance(audience, list) else [audience]) if isinstance(it, str)}
        times = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
        if self.issuer and claims.get("iss") != self.issuer:
            return False
        if self.audiences and not audiences.intersection(self.audiences):
            return False
        if not all(isinstance(it, (int, float)) for it in times):
            return False
        expires, *begins = times
        return bool(now < expires and all(begin <= now for begin in begins))


def _decode_claims(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        header, claims = (decode_token_part(part) for part in parts[:2])
    except ValueError:
        return None
    is_signed = isinstance(header, dict) and str(header.get("alg", "none")).startswith(("RS", "ES", "PS"))
    return claims if is_signed and isinstance(claims, dict) else None
