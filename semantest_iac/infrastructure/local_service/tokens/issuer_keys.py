"""Verifies with the keys that an issuer publishes who signed a token.

Sources: OpenID Connect Discovery (where the keys are), RFC 7517 and RFC 7518 (their form, and the algorithms).
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import (
    JwtRules,
    KeyFetching,
    ParsedToken,
    WrongTokenError,
    decode_number,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

FetchDocument = Callable[[str], Any]
"""Fetches a JSON document, within some seconds; raises OSError, ValueError or HTTPException."""

KEY_SIZES: Final = range(2048, 8192 + 1)
"""Bits of the keys that are accepted."""
_FETCH_LIMIT_S: Final = 5
_LARGEST_DOCUMENT: Final = 1024 * 1024
_DIGESTS: Final = {"RS256": "SHA256", "RS384": "SHA384", "RS512": "SHA512"}


def fetch_document(url: str) -> Any:
    """Fetch a document; who could change it in transit could sign tokens, so only https is asked."""
    _require_https(url)
    with _HTTPS_ALONE.open(url, timeout=_FETCH_LIMIT_S) as answer:
        return json.loads(answer.read(_LARGEST_DOCUMENT))


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *request: Any) -> urllib.request.Request | None:
        _require_https(str(request[-1]))
        return super().redirect_request(*request)


_HTTPS_ALONE: Final = urllib.request.build_opener(_HttpsRedirects)


def _require_https(url: str) -> None:
    if not url.startswith("https://"):
        raise ValueError("keys are fetched by https alone")


class IssuerKeys:
    """The keys of all issuers whose tokens were seen."""

    def __init__(self, fetch: FetchDocument = fetch_document, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._issuers: dict[tuple[str, KeyFetching], _PublishedKeys] = {}

    async def verify(self, rules: JwtRules, token: ParsedToken) -> None:
        """Verify the signature of a token; raises WrongTokenError, also where the keys are not available."""
        place = rules.issuer, rules.fetching
        if place not in self._issuers:
            self._issuers[place] = _PublishedKeys(rules.issuer, rules.fetching, self._fetch, self._clock)
        key = await self._issuers[place].find(token.key_id)
        if key is None:
            raise WrongTokenError("its issuer publishes no key with its id")
        if not _has_signed(key, token):
            raise WrongTokenError("its signature is wrong")


class _PublishedKeys:
    """The keys of one issuer by id: fetched again for an unknown id and when they are too old, one fetch at a time."""

    def __init__(self, issuer: str, fetching: KeyFetching, fetch: FetchDocument, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._fetching = fetching
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fresh_until = self._no_fetch_until = -math.inf
        self._failure = ""
        self._lock = asyncio.Lock()

    async def find(self, id: str) -> RSAPublicKey | None:
        if not self._is_known(id):
            async with self._lock:
                if not self._is_known(id) and self._clock() >= self._no_fetch_until:
                    await self._reload()
        if not self._keys:
            raise WrongTokenError(self._failure or f"{self._issuer} publishes no key for signatures")
        return self._keys.get(id)

    def _is_known(self, id: str) -> bool:
        return id in self._keys and self._clock() < self._fresh_until

    async def _reload(self) -> None:
        """Fetch the keys; those that are known are used on where that fails."""
        try:
            published = await asyncio.to_thread(self._fetch_keys)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, HTTPException) as error:
            self._no_fetch_until = self._clock() + self._fetching.pause_after_failure_s
            reason = getattr(error, "reason", None) or error or type(error).__name__
            self._failure = f"the keys of {self._issuer} are not available ({reason})"
            return
        self._keys, self._failure = published, ""
        now = self._clock()
        self._no_fetch_until, self._fresh_until = now + self._fetching.pause_s, now + self._fetching.lifetime_s

    def _fetch_keys(self) -> Mapping[str, RSAPublicKey]:
        place = self._fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")["jwks_uri"]
        published: Iterable[Mapping[str, Any]] = self._fetch(place)["keys"]
        found = {str(each.get("kid", "")): read_published_key(each) for each in published}
        return {id: key for id, key in found.items() if key}


def read_published_key(published: Mapping[str, Any]) -> RSAPublicKey | None:
    """Read a published key; None unless it is an RSA signing key of an accepted size."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    if published.get("kty") != "RSA" or published.get("use", "sig") != "sig":
        return None
    try:
        modulus, exponent = (decode_number(str(published[part])) for part in ("n", "e"))
        key = RSAPublicNumbers(exponent, modulus).public_key() if modulus.bit_length() in KEY_SIZES else None
    except (ValueError, KeyError):
        return None
    return key


def _has_signed(key: RSAPublicKey, token: ParsedToken) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    try:
        key.verify(token.signature, token.signed, PKCS1v15(), getattr(hashes, _DIGESTS[token.algorithm])())
    except InvalidSignature:
        return False
    return True
