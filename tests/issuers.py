"""An issuer of JSON web tokens, with the documents that it publishes, also over TLS on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import encode_base64url, encode_token
from tests.https_server import serve_https


@cache
def signing_key(name: str) -> RSAPrivateKey:
    """Return a key, the same one for a name."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def publish_key(name: str = "1", **changes: Any) -> dict[str, Any]:
    """Return a key as it is published."""
    numbers = signing_key(name).public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    encoded = {key: encode_base64url(it.to_bytes((it.bit_length() + 7) // 8, "big")) for key, it in parts.items()}
    return {"kty": "RSA", "use": "sig", "kid": name, **encoded, **changes}


class Issuer:
    """An issuer at an address; `fetched` are the documents that somebody asked for, and `fault` is raised instead."""

    def __init__(self, url: str = "https://login.example.org") -> None:
        self.url = url
        self.keys: list[Mapping[str, Any]] = [publish_key()]
        self.fetched: list[str] = []
        self.fault: Exception | None = None

    def fetch(self, url: str) -> Any:
        """Return a published document."""
        self.fetched.append(url)
        if self.fault:
            raise self.fault
        place = f"{self.url.rstrip('/')}/keys"
        documents = {
            f"{self.url.rstrip('/')}/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": place},
            place: {"keys": self.keys},
        }
        return documents[url]

    def sign(self, signer: str = "1", header: Mapping[str, Any] = {}, **claims: Any) -> str:
        """Return a token for the audience `us` that holds for a minute, with these changes."""
        now = time.time()
        whole = {"iss": self.url, "aud": "us", "sub": "me", "iat": now, "exp": now + 60, **claims}
        key = signing_key(signer)
        return encode_token(
            {"alg": "RS256", "kid": "1", **header}, whole, lambda text: key.sign(text, PKCS1v15(), SHA256())
        )


@contextmanager
def serve_issuer(folder: Path) -> Iterator[tuple[Issuer, Mapping[str, str]]]:
    """Publish the documents of an issuer by https, and yield it with the variables of processes that reach it."""
    issuer = Issuer()
    with serve_https(folder, lambda path: issuer.fetch(f"{issuer.url}{path}")) as server:
        issuer.url = server.url
        yield issuer, server.variables
