"""Makes JSON web tokens, also those with which a probe passes the authorizer of a WebSocket API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

PROBE_TOKEN_LIFETIME_S = 60
_JWT_SECRET_NAME = "JWT_SECRET"  # noqa: S105 - a name


def sign_probe_token(authorizer: FunctionSpec) -> str:
    """A token for a minute, signed and addressed as the authorizer wants it; empty where it knows no secret."""
    told = authorizer.environment
    reference: str = json.loads(told.get("SEMANTEST_SECRETS") or "{}").get(_JWT_SECRET_NAME) or told.get(
        _JWT_SECRET_NAME, ""
    )
    if reference not in authorizer.secrets:
        return ""
    parties = {"iss": told.get("JWT_ISSUER"), "aud": told.get("JWT_AUDIENCE", "").split(",")[0].strip()}
    claims = {"sub": "verification", "exp": int(time.time()) + PROBE_TOKEN_LIFETIME_S}
    given = {name: value for name, value in parties.items() if value}
    return sign_hs256_token({**claims, **given}, authorizer.secrets[reference])


def sign_hs256_token(claims: Mapping[str, Any], secret: str) -> str:
    """A JSON web token with these claims (HS256)."""
    header = {"alg": "HS256", "typ": "JWT"}
    return encode_token(header, claims, lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest())


def encode_token(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """The parts of a JSON web token, with what `sign` makes of them."""
    text = ".".join(_encode_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_encode_base64url(sign(text.encode()))}"


def _encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
