"""Verifies who sends, such as Web PubSub: by the token of its managed identity, signed by its directory (RS256).

Source: Azure's documentation of managed identities for event handlers, and of access tokens; RFC 8017, section 8.2.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from semantest_azure import WEB_PUBSUB_AUDIENCE, RefusedError, Service
from semantest_tokens import TokenError, check_claims, decode_base64url, parse_token

AUTHORITY = "https://login.microsoftonline.com"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_KEY, LONGEST_KEY = 2048, 8192  # bits
FETCH_PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S = 300, 5, 24 * 3600
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # the DER prefix of a SHA-256 digest


@dataclass(frozen=True)
class PublicKey:
    """A public RSA key."""

    modulus: int
    exponent: int

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Verify PKCS#1 v1.5 with SHA-256: compare the whole block with the only valid one, and never parse it."""
        size, number = (self.modulus.bit_length() + 7) // 8, int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        digest = SHA256_INFO + hashlib.sha256(data).digest()
        expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return compare_digest(pow(number, self.exponent, self.modulus).to_bytes(size, "big"), expected)


class PublishedKeys:
    """The keys that a directory publishes, by id; raises TokenError if they are not available.

    Fetched again for an unknown id or after a day, but not too often, because anybody may send an unknown id.
    """

    def __init__(self, fetch: Callable[[], Iterable[Mapping[str, Any]]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, PublicKey] = {}
        self._fresh_until = self._no_fetch_until = -float("inf")
        self._lock = threading.Lock()

    def find(self, id: str) -> PublicKey | None:
        key = self._find_fresh(id)
        if key:
            return key
        with self._lock:
            if not self._find_fresh(id) and self._clock() >= self._no_fetch_until:
                self._reload()
            return self._keys.get(id)

    def _find_fresh(self, id: str) -> PublicKey | None:
        return self._keys.get(id) if self._clock() < self._fresh_until else None

    def _reload(self) -> None:
        try:
            keys = {str(each.get("kid")): read_key(each) for each in self._fetch()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RefusedError) as error:
            self._no_fetch_until = self._clock() + PAUSE_AFTER_FAILURE_S
            if not self._keys:
                raise TokenError("the keys of its issuer are not available") from error
            return
        self._keys = {id: key for id, key in keys.items() if key}
        self._no_fetch_until, self._fresh_until = self._clock() + FETCH_PAUSE_S, self._clock() + DAY_S


class SenderIdentity:
    """The one principal of one tenant that is accepted, with tokens for an audience."""

    def __init__(
        self,
        tenant: str,
        principal: str,
        keys: PublishedKeys,
        now: Callable[[], float] = time.time,
        audience: str = WEB_PUBSUB_AUDIENCE,
    ) -> None:
        self._issuers = (f"https://sts.windows.net/{tenant}/", f"{AUTHORITY}/{tenant}/v2.0")
        self._principal = principal
        self._audiences = (audience, f"{audience}/")
        self._keys = keys
        self._now = now
        self._verified = "", 0.0

    def check(self, authorization: str) -> None:
        """Check an authorization header; raises TokenError. A verified token is accepted until it expires."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not self._principal:
            raise TokenError("there is no token")
        verified, expires_at = self._verified
        if self._now() >= expires_at or not compare_digest(token.encode(), verified.encode()):
            self._verified = token, self._verify(token)

    def _verify(self, text: str) -> float:
        """Verify a token and return when it expires."""
        token = parse_token(text)
        if token.algorithm != "RS256":  # otherwise the public key could be used as a shared secret
            raise TokenError("it is not signed with RS256")
        key = self._keys.find(token.key_id)
        if key is None or not key.has_signed(token.signed, token.signature):
            raise TokenError("its signature is wrong")
        claims = check_claims(token.claims, self._now(), self._issuers, self._audiences)
        if claims.get("oid") != self._principal:
            raise TokenError("it belongs to another identity")
        return float(claims["exp"])


def read_key(published: Mapping[str, Any]) -> PublicKey | None:
    """Read a published key; None unless it is an RSA signing key of an accepted size."""
    if published.get("kty") != "RSA" or published.get("use", "sig") != "sig":
        return None
    try:
        modulus, exponent = (int.from_bytes(decode_base64url(str(published[part])), "big") for part in ("n", "e"))
    except (TokenError, KeyError):
        return None
    has_valid_size = SHORTEST_KEY <= modulus.bit_length() <= LONGEST_KEY and 3 <= exponent < 2**32
    return PublicKey(modulus, exponent) if has_valid_size and modulus % 2 and exponent % 2 else None


@cache
def get_sender_identity() -> SenderIdentity:
    """The identity of this app's Web PubSub, from the environment; without one, no event is accepted."""
    variables = os.environ
    tenant, principal = variables.get("SEMANTEST_HUB_TENANT", ""), variables.get("SEMANTEST_HUB_PRINCIPAL", "")
    return make_identity(tenant, principal, WEB_PUBSUB_AUDIENCE)


def make_identity(tenant: str, principal: str, audience: str) -> SenderIdentity:
    """Make the identity that is accepted, with the keys that its directory publishes."""
    directory = _directory(os.environ.get("SEMANTEST_AUTHORITY") or AUTHORITY)

    def fetch() -> Iterable[Mapping[str, Any]]:
        reply = directory("GET", f"/{tenant}/discovery/v2.0/keys")
        if reply.status != 200:
            raise RefusedError(reply)
        keys: Iterable[Mapping[str, Any]] = reply.json()["keys"]
        return keys

    return SenderIdentity(tenant, principal, PublishedKeys(fetch, time.monotonic), audience=audience)


def _directory(authority: str) -> Service:
    """Require TLS except on this machine: who could change the keys in transit could pretend to be any sender."""
    url = urlsplit(authority)
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK):
        raise ValueError("SEMANTEST_AUTHORITY must begin with https://")
    return Service(authority)
