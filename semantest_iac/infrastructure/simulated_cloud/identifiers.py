"""Identifiers as clouds make them, but derived from a seed, so that the same run makes the same ones."""

from __future__ import annotations

import string
import uuid
from hashlib import sha256
from typing import Final

_SMALL: Final = string.ascii_lowercase + string.digits
_LARGE: Final = string.ascii_uppercase + string.digits
_MIXED: Final = string.ascii_letters + string.digits

_SHAPES: Final = {
    "small7": (_SMALL, 7),
    "small10": (_SMALL, 10),
    "large17": (_LARGE, 17),
    "mixed6": (_MIXED, 6),
    "hex8": (string.hexdigits[:16], 8),
    "hex17": (string.hexdigits[:16], 17),
}


def tokens(seed: str) -> dict[str, str]:
    """One token of every shape that templates may ask for, `uuid` and three `octets` of an address among them."""
    digest = sha256(seed.encode()).digest()
    drawn = {name: _draw(digest, alphabet, length) for name, (alphabet, length) in _SHAPES.items()}
    octets = "-".join(str(byte) for byte in digest[:3])
    return {**drawn, "octets": octets, "uuid": str(uuid.UUID(bytes=digest[:16], version=4))}


def suffix(seed: str, length: int = 7) -> str:
    """Hexadecimal digits to tell one automatic name from another."""
    return sha256(seed.encode()).hexdigest()[:length]


def _draw(digest: bytes, alphabet: str, length: int) -> str:
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:length])
