"""Who sends events: Web PubSub's own identity, by a token that its directory signed for it (RS256).

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

from semantest_azure import RefusedError, Service
from semantest_hub import PUBSUB
from semantest_tokens import TokenError, decoded, judged, opened

AUTHORITY = "https://login.microsoftonline.com"
AUDIENCE = PUBSUB  # a resource of Azure's: its tokens are to be had without an application
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_KEY, LONGEST_KEY = 2048, 8192  # bits
PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S = 300, 5, 24 * 3600
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # how a block says that a SHA-256 follows


@dataclass(frozen=True)
class Key:
    """A public key of RSA."""

    modulus: int
    exponent: int

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """PKCS#1 v1.5 with SHA-256: the one block that there may be, compared as a whole and never taken apart."""
        size, number = (self.modulus.bit_length() + 7) // 8, int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        said = SHA256_INFO + hashlib.sha256(data).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(said) - 3) + b"\x00" + said
        return compare_digest(pow(number, self.exponent, self.modulus).to_bytes(size, "big"), wanted)


class Keys:
    """What a directory has published, by name; raises TokenError where it cannot be had.

    Asked for anew when a key is unknown or a day old, but not again and again: anybody may name a key.
    """

    def __init__(self, published: Callable[[], Iterable[Mapping[str, Any]]], clock: Callable[[], float]) -> None:
        self._published = published
        self._clock = clock
        self._known: Mapping[str, Key] = {}
        self._fresh_until = self._quiet_until = -float("inf")
        self._turn = threading.Lock()

    def find(self, name: str) -> Key | None:
        """The key, if the directory has one of that name."""
        known = self._fresh(name)
        if known:
            return known
        with self._turn:
            if not self._fresh(name) and self._clock() >= self._quiet_until:
                self._fetch()
            return self._known.get(name)

    def _fresh(self, name: str) -> Key | None:
        return self._known.get(name) if self._clock() < self._fresh_until else None

    def _fetch(self) -> None:
        try:
            found = {str(each.get("kid")): key_of(each) for each in self._published()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RefusedError) as error:
            self._quiet_until = self._clock() + PAUSE_AFTER_FAILURE_S
            if not self._known:
                raise TokenError("the keys of its directory cannot be had") from error
            return
        self._known = {name: key for name, key in found.items() if key}
        self._quiet_until, self._fresh_until = self._clock() + PAUSE_S, self._clock() + DAY_S


class Identity:
    """The one principal of one tenant who may come in."""

    def __init__(self, tenant: str, principal: str, keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._issuers = (f"https://sts.windows.net/{tenant}/", f"{AUTHORITY}/{tenant}/v2.0")
        self._principal = principal
        self._keys = keys
        self._now = now
        self._shown = "", 0.0

    def check(self, authorization: str) -> None:
        """Raises TokenError for everybody else; a token that counted counts until it ends, without being checked."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not self._principal:
            raise TokenError("no identity is shown")
        known, ends = self._shown
        if self._now() >= ends or not compare_digest(token.encode(), known.encode()):
            self._shown = token, self._checked(token)

    def _checked(self, token: str) -> float:
        """When it ends."""
        found = opened(token)
        if found.algorithm != "RS256":  # what is public must never be taken for a shared secret
            raise TokenError("it is not signed with RS256")
        key = self._keys.find(found.key)
        if key is None or not key.has_signed(found.signed, found.signature):
            raise TokenError("its signature is wrong")
        claims = judged(found.claims, self._now(), self._issuers, (AUDIENCE, f"{AUDIENCE}/"))
        if claims.get("oid") != self._principal:
            raise TokenError("it is that of another identity")
        return float(claims["exp"])


def key_of(published: Mapping[str, Any]) -> Key | None:
    """A published key, if it is one of RSA for signatures, and of a size that counts."""
    if published.get("kty") != "RSA" or published.get("use", "sig") != "sig":
        return None
    try:
        modulus, exponent = (int.from_bytes(decoded(str(published[part])), "big") for part in ("n", "e"))
    except (TokenError, KeyError):
        return None
    fits = SHORTEST_KEY <= modulus.bit_length() <= LONGEST_KEY and 3 <= exponent < 2**32
    return Key(modulus, exponent) if fits and modulus % 2 and exponent % 2 else None


@cache
def identity() -> Identity:
    """That of this app's Web PubSub, as the deployment has told it; nobody's where it has told none."""
    told = os.environ
    tenant = told.get("SEMANTEST_HUB_TENANT", "")
    directory = _directory(told.get("SEMANTEST_AUTHORITY") or AUTHORITY)

    def published() -> Iterable[Mapping[str, Any]]:
        reply = directory("GET", f"/{tenant}/discovery/v2.0/keys")
        if reply.status != 200:
            raise RefusedError(reply)
        keys: Iterable[Mapping[str, Any]] = reply.told()["keys"]
        return keys

    return Identity(tenant, told.get("SEMANTEST_HUB_PRINCIPAL", ""), Keys(published, time.monotonic))


def _directory(authority: str) -> Service:
    """Over TLS, or on this very machine: whoever could change the keys on their way could be anybody."""
    place = urlsplit(authority)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        raise ValueError("SEMANTEST_AUTHORITY must begin with https://")
    return Service(authority)
