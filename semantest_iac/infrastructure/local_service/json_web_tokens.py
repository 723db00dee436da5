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
