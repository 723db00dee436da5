"""The signing keys and tokens of a directory, as Microsoft Entra makes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TENANT, PRINCIPAL = "7e2a5d1c-0000-4000-8000-5e3a17e57001", "11111111-2222-4333-8444-555555555555"
NOW = 1_800_000_000.0
CLAIMS = {
    "aud": "https://webpubsub.azure.com",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "oid": PRINCIPAL,
    "exp": NOW + 3600,
}
V2_ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"


def key(name: str = "k1", bits: int = 2048) -> rsa.RSAPrivateKey:
    return _generate_key(name, bits)


@cache
def _generate_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def published_key(name: str = "k1", bits: int = 2048, **more: Any) -> dict[str, Any]:
    """A key as the directory publishes it."""
    numbers = key(name, bits).public_key().public_numbers()
    parts = {"n": numbers.n.to_bytes(bits // 8, "big"), "e": numbers.e.to_bytes(3, "big")}
    return {"kty": "RSA", "use": "sig", "kid": name, **{part: base64url(data) for part, data in parts.items()}, **more}


def token(claims: Mapping[str, Any] | None = None, by: str = "k1", **header: Any) -> str:
    """A valid token except for these claims and this header, signed with the key of a name."""
    full_header = {"alg": "RS256", "kid": "k1", **header}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (full_header, {**CLAIMS, **(claims or {})}))
    return f"{signed}.{base64url(key(by).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
