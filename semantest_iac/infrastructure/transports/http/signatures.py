"""The signatures of webhooks: those of Standard Webhooks and of GitHub, over the bytes of the body as they arrived.

Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
GitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from semantest_iac.domain.environments.event_sections import SignatureScheme

Headers = Sequence[tuple[str, str]]
"""Names in lower case with their values, in the order in which they arrived; a name may be there twice."""

TOLERANCE_S: Final = 5 * 60
"""How far the time of a delivery may be from that of this machine, either way."""

SHORTEST_KEY_BYTES: Final = 24
_KEPT_S: Final = 7 * 24 * 3600.0  # senders try again for some days, with the same id and another time
_ENCODED_PREFIX = "whsec_"
_SIGNATURE_PREFIX = "v1,"
_SEPARATORS = re.compile(r"[\s,]+")
_ID = re.compile(r"[!-\-/-~]{1,256}")  # visible ASCII without the dot that ends it in what is signed
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")


class SignatureRefusedError(Exception):
    """A delivery is not signed as it must be; the text says why, for the log of the receiver alone."""


class WebhookSecretError(ValueError):
    """A secret cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """A delivery whose signature is right.

    Another one with one of its keys is a replay. They are remembered for `kept_s` seconds, for good if it is None.
    """

    id: str
    keys: tuple[str, ...]
    kept_s: float | None


class SignatureCheck(Protocol):
    """One scheme with its keys."""

    def verify(self, headers: Headers, body: bytes, now: float) -> SignedDelivery:
        """Return the delivery; raises SignatureRefusedError. `now` is in seconds since 1970 in UTC."""
        ...


class StandardWebhooksCheck:
    """Id, time and body are signed, so that a replay is known by its time, and by its id."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def verify(self, headers: Headers, body: bytes, now: float) -> SignedDelivery:
        """Compare with the signature of each key; a sender that changes its key sends two."""
        delivery_id = _get_single(headers, "webhook-id")
        timestamp = _get_single(headers, "webhook-timestamp")
        given = _get_single(headers, "webhook-signature")
        if not _ID.fullmatch(delivery_id):
            raise SignatureRefusedError("webhook-id is empty, too long, or has other characters than visible ASCII")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise SignatureRefusedError("webhook-timestamp is no number of seconds")
        if abs(now - int(timestamp)) > TOLERANCE_S:
            raise SignatureRefusedError(f"webhook-timestamp is {now - int(timestamp):.0f} seconds behind this clock")
        expected = [sign_standard_webhook(key, delivery_id, int(timestamp), body) for key in self._keys]
        if not _has_match(given.split(" "), expected):
            raise SignatureRefusedError("webhook-signature is that of no key")
        return SignedDelivery(delivery_id, (f"id {delivery_id}",), _KEPT_S)


class GithubCheck:
    """Only the body is signed: a replay may have another id and comes at any time, so bodies are remembered too."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    def verify(self, headers: Headers, body: bytes, now: float) -> SignedDelivery:
        """Compare with the signature of each key."""
        given = _get_single(headers, "x-hub-signature-256")
        delivery_id = _get_single(headers, "x-github-delivery")
        if not _ID.fullmatch(delivery_id):
            raise SignatureRefusedError("x-github-delivery is empty, too long, or has other characters")
        if not _has_match([given], [sign_github_webhook(key, body) for key in self._keys]):
            raise SignatureRefusedError("x-hub-signature-256 is that of no key")
        digest = hashlib.sha256(body).hexdigest()
        return SignedDelivery(delivery_id, (f"id {delivery_id}", f"body {digest}"), None)


def sign_standard_webhook(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return what `webhook-signature` must hold."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return _SIGNATURE_PREFIX + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def sign_github_webhook(key: bytes, body: bytes) -> str:
    """Return what `X-Hub-Signature-256` must hold."""
    return f"sha256={hmac.digest(key, body, 'sha256').hex()}"


def parse_webhook_keys(secret: str, scheme: SignatureScheme) -> tuple[bytes, ...]:
    """Return the keys of a secret; several are separated by spaces or commas, while a sender changes its key.

    Raises WebhookSecretError. With Standard Webhooks a key that begins with `whsec_` is base64, as senders show it.
    """
    words = [word for word in _SEPARATORS.split(secret) if word]
    if not words:
        raise WebhookSecretError("it is empty")
    return tuple(_parse_key(word, scheme) for word in words)


def open_signature_check(scheme: SignatureScheme, keys: Sequence[bytes]) -> SignatureCheck:
    """Return the check of a scheme."""
    return GithubCheck(keys) if scheme == "github" else StandardWebhooksCheck(keys)


def _parse_key(word: str, scheme: SignatureScheme) -> bytes:
    key = word.encode()
    if scheme == "standard-webhooks" and word.startswith(_ENCODED_PREFIX):
        try:
            key = base64.b64decode(word.removeprefix(_ENCODED_PREFIX), validate=True)
        except binascii.Error as error:
            raise WebhookSecretError(f"what follows {_ENCODED_PREFIX} is not base64") from error
    if len(key) < SHORTEST_KEY_BYTES:
        raise WebhookSecretError(f"a key has {len(key)} bytes, and at least {SHORTEST_KEY_BYTES} are needed")
    return key


def _get_single(headers: Headers, name: str) -> str:
    values = [value for key, value in headers if key == name]
    if len(values) != 1:
        raise SignatureRefusedError(f"{name} is missing" if not values else f"{name} is there {len(values)} times")
    return values[0]


def _has_match(given: Iterable[str], expected: Sequence[str]) -> bool:
    """Compare the texts, so that another spelling of the right bytes is refused, in the same time for each of them."""
    matches = [hmac.compare_digest(one, other) for one in _encode(given) for other in _encode(expected)]
    return any(matches)


def _encode(texts: Iterable[str]) -> Iterator[bytes]:
    return (text.encode(errors="surrogateescape") for text in texts)
