"""Issues and checks tokens in place of Azure: Web PubSub's client tokens, and identity tokens of Microsoft Entra.

Source: Azure's documentation of Web PubSub's client protocols and of access tokens, and the emulator of Web PubSub.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import (
    decode_token_part,
    encode_base64url,
    encode_token,
    sign_hs256_token,
)
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BITS, IDENTITY_TOKEN_LIFETIME_S = 2048, 3600
_TOKEN_PARAMETER, _TOKEN_HEADER, _BEARER = "access_token", "authorization", "bearer"
_KEYS_PATH = "/discovery/v2.0/keys"
_KEY_ID = "this-process"
_key_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class HubTokens:
    """The client tokens of one hub, signed with a random key that never leaves this process."""

    audience: str
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def issue(self, user: str, minutes: int) -> str:
        """Issue a token for a user; without a user it names nobody."""
        now = int(time.time())
        subject = {"sub": user} if user else {}
        return sign_hs256_token(
            {**subject, "aud": self.audience, "nbf": now, "iat": now, "exp": now + 60 * minutes}, self.key
        )

    def verify_claims_if_sent(self, handshake: Handshake) -> Mapping[str, Any] | None:
        """Read the claims of the handshake's token: empty without a token, None if it is not valid."""
        token = next((value for name, value in handshake.query if name == _TOKEN_PARAMETER), "")
        headers = (value for name, value in handshake.headers if name.lower() == _TOKEN_HEADER)
        scheme, _, header_token = next(headers, "").partition(" ")
        token = token or (header_token if scheme.lower() == _BEARER else "")
        return self._verify(token) if token else {}

    def _verify(self, token: str) -> Mapping[str, Any] | None:
        claims = _decode_claims(token)
        is_signed = (
            hmac.compare_digest(sign_hs256_token(claims, self.key).encode(), token.encode()) if claims else False
        )
        is_current = claims["nbf"] <= time.time() < claims["exp"] if is_signed else False
        return claims if is_current and claims.get("aud") == self.audience else None


def load_hub_tokens(audience: str, stores: MutableMapping[str, Any]) -> HubTokens:
    """Load the tokens of a hub, which all of its versions share."""
    tokens: HubTokens = stores.setdefault(f"tokens for {audience}", HubTokens(audience))
    return tokens


def _decode_claims(token: str) -> Mapping[str, Any]:
    try:
        claims = decode_token_part(token.split(".")[1])
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def create_signing_keys_handler(tenant: str) -> LoopbackHandler:
    """Return a handler that answers with what a tenant publishes: its signing keys."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        if request.path != f"/{tenant}{_KEYS_PATH}":
            return HttpResponse(404)
        body = json.dumps({"keys": [_published_key()]}).encode()
        return HttpResponse(200, (("content-type", "application/json"),), body)

    return answer


def issue_identity_token(tenant: str, principal: str, audience: str) -> str:
    """Issue a token that proves a principal's identity to an audience, for one hour."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    now = int(time.time())
    identity = {"oid": principal, "sub": principal, "tid": tenant, "idtyp": "app", "ver": "1.0"}
    parties = {"aud": audience, "iss": f"https://sts.windows.net/{tenant}/"}
    claims = {**parties, **identity, "iat": now, "nbf": now, "exp": now + IDENTITY_TOKEN_LIFETIME_S}
    header = {"typ": "JWT", "alg": "RS256", "kid": _KEY_ID}
    return encode_token(header, claims, lambda text: _signing_key().sign(text, PKCS1v15(), SHA256()))


def _signing_key() -> RSAPrivateKey:
    """The process's one key; the lock keeps two threads from generating two."""
    with _key_lock:
        return _generate_key()


@cache
def _generate_key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _published_key() -> dict[str, str]:
    numbers = _signing_key().public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    encoded = {name: _encode_number(number) for name, number in parts.items()}
    return {"kty": "RSA", "use": "sig", "kid": _KEY_ID, **encoded}


def _encode_number(number: int) -> str:
    return encode_base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
