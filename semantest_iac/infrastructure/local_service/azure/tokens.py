"""Issues and checks tokens in place of Azure: Web PubSub's client tokens, and identity tokens of Microsoft Entra.

Source: Azure's documentation of Web PubSub's client protocols and of access tokens, and the emulator of Web PubSub.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest
from semantest_iac.infrastructure.local_service.json_web_tokens import encode_token, sign_hs256_token
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


_TOKEN_PARAMETER, _TOKEN_HEADER, _BEARER = "access_token", "authorization", "bearer"


@dataclass(frozen=True, slots=True)
class HubTokens:
    """To one hub; the key is drawn anew for each, and leaves this process in no token."""

    audience: str
    key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def given(self, user: str, minutes: int) -> str:
        """A token that names a user, or nobody."""
        now = int(time.time())
        named = {"sub": user} if user else {}
        return sign_hs256_token(
            {**named, "aud": self.audience, "nbf": now, "iat": now, "exp": now + 60 * minutes}, self.key
        )

    def shown(self, handshake: Handshake) -> Mapping[str, Any] | None:
        """What the token of a handshake says; nothing where none is shown, None where it does not count."""
        token = next((value for name, value in handshake.query if name == _TOKEN_PARAMETER), "")
        headers = (value for name, value in handshake.headers if name.lower() == _TOKEN_HEADER)
        kind, _, said = next(headers, "").partition(" ")
        token = token or (said if kind.lower() == _BEARER else "")
        return self._checked(token) if token else {}

    def _checked(self, token: str) -> Mapping[str, Any] | None:
        claims = _decode_claims(token)
        is_ours = hmac.compare_digest(sign_hs256_token(claims, self.key).encode(), token.encode()) if claims else False
        is_now = claims["nbf"] <= time.time() < claims["exp"] if is_ours else False
        return claims if is_now and claims.get("aud") == self.audience else None


def load_hub_tokens(audience: str, stores: MutableMapping[str, Any]) -> HubTokens:
    """That of a hub through all of its versions."""
    found: HubTokens = stores.setdefault(f"tokens for {audience}", HubTokens(audience))
    return found


def _decode_claims(token: str) -> Mapping[str, Any]:
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


KEY_BITS, IDENTITY_TOKEN_LIFETIME_S = 2048, 3600
_KEYS_PATH = "/discovery/v2.0/keys"
_KEY_ID = "this-process"
_key_lock = threading.Lock()


def serve_directory(tenant: str) -> LoopbackHandler:
    """What a tenant publishes, which is its keys."""

    async def answer(call: LoopbackRequest) -> HttpResponse:
        if call.path != f"/{tenant}{_KEYS_PATH}":
            return HttpResponse(404)
        return HttpResponse(
            200, (("content-type", "application/json"),), json.dumps({"keys": [_published_key()]}).encode()
        )

    return answer


def issue_identity_token(tenant: str, principal: str, audience: str) -> str:
    """A token with which an identity shows to an audience who it is, for an hour."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    now = int(time.time())
    who = {"oid": principal, "sub": principal, "tid": tenant, "idtyp": "app", "ver": "1.0"}
    parties = {"aud": audience, "iss": f"https://sts.windows.net/{tenant}/"}
    claims = {**parties, **who, "iat": now, "nbf": now, "exp": now + IDENTITY_TOKEN_LIFETIME_S}
    header = {"typ": "JWT", "alg": "RS256", "kid": _KEY_ID}
    return encode_token(header, claims, lambda text: _signing_key().sign(text, PKCS1v15(), SHA256()))


def _signing_key() -> RSAPrivateKey:
    """One for the life of the process, whichever thread is the first to ask."""
    with _key_lock:
        return _generate_key()


@cache
def _generate_key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _published_key() -> dict[str, str]:
    numbers = _signing_key().public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": _KEY_ID,
        **{name: _encode_number(number) for name, number in parts.items()},
    }


def _encode_number(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")
