"""A directory on this machine, in the place of Microsoft Entra: tokens of identities, and the key that signs them.

Source: Microsoft's documentation of access tokens, and of the keys that a tenant publishes.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import Answering, Call
from semantest_iac.infrastructure.local_service.socket_tokens import joined

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BITS, LIFETIME_S = 2048, 3600
_KEYS = "/discovery/v2.0/keys"
_KEY_NAME = "this-process"
_making = threading.Lock()


def directory(tenant: str) -> Answering:
    """What a tenant publishes, which is its keys."""

    async def answer(call: Call) -> HttpResponse:
        if call.path != f"/{tenant}{_KEYS}":
            return HttpResponse(404)
        return HttpResponse(200, (("content-type", "application/json"),), json.dumps({"keys": [_published()]}).encode())

    return answer


def shown(tenant: str, principal: str, audience: str) -> str:
    """A token with which an identity shows to an audience who it is, for an hour."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    now = int(time.time())
    who = {"oid": principal, "sub": principal, "tid": tenant, "idtyp": "app", "ver": "1.0"}
    parties = {"aud": audience, "iss": f"https://sts.windows.net/{tenant}/"}
    claims = {**parties, **who, "iat": now, "nbf": now, "exp": now + LIFETIME_S}
    header = {"typ": "JWT", "alg": "RS256", "kid": _KEY_NAME}
    return joined(header, claims, lambda text: _key().sign(text, PKCS1v15(), SHA256()))


def _key() -> RSAPrivateKey:
    """One for the life of the process, whichever thread is the first to ask."""
    with _making:
        return _made()


@cache
def _made() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _published() -> dict[str, str]:
    numbers = _key().public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    return {"kty": "RSA", "use": "sig", "kid": _KEY_NAME, **{name: _encoded(number) for name, number in parts.items()}}


def _encoded(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")
