"""Verifies JSON web tokens with the standard library: those with a shared secret (HS256) completely."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_TOKEN = 8192
LEEWAY_S = 30
UNRESOLVED_REFERENCE = "@Microsoft.KeyVault("  # what an app finds in place of a secret that it cannot read yet


class SecretUnavailableError(Exception):
    """The key is not known yet, so that no token can be verified; anyone may know the reference to it."""


class TokenError(Exception):
    """Why a token is not valid, for the log; holds no part of the token."""


@dataclass(frozen=True)
class Token:
    """The decoded parts of a token, which are not trusted before its signature is verified."""

    algorithm: str
    key_id: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def verify_token(
    token: str, secret: str, now: float, *, issuer: str = "", audiences: Collection[str] = ()
) -> Mapping[str, Any]:
    """Verify signature, time, issuer and audience, and return the claims.

    Raises TokenError, and SecretUnavailableError if the secret is a reference that Azure has not resolved.
    """
    if secret.startswith(UNRESOLVED_REFERENCE):
        raise SecretUnavailableError("JWT_SECRET is a reference to Key Vault that is not resolved yet")
    if not secret:
        raise TokenError("there is no secret to verify it with")
    parsed = parse_token(token)
    if parsed.algorithm != "HS256":  # the token must not choose how it is verified
        raise TokenError("it is not signed with HS256")
    expected = hmac.new(secret.encode(), parsed.signed, hashlib.sha256).digest()
    if not hmac.compare_digest(expected, parsed.signature):
        raise TokenError("its signature is wrong")
    return check_claims(parsed.claims, now, (issuer,) if issuer else (), audiences)


def parse_token(token: str) -> Token:
    """Decode the parts of a token; raises TokenError for other text."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
        raise TokenError("it is not a token")
    signed, _, signature = token.rpartition(".")
    header, claims = (_decode_object(part) for part in signed.split("."))
    algorithm = "" if "crit" in header else str(header.get("alg"))
    return Token(algorithm, str(header.get("kid", "")), claims, signed.encode(), decode_base64url(signature))


def check_claims(
    claims: Mapping[str, Any], now: float, issuers: Collection[str], audiences: Collection[str]
) -> Mapping[str, Any]:
    """Check time, issuer and audience, and return the claims; an empty collection accepts every value."""
    _check_time(claims, now)
    _check_parties(claims, issuers, audiences)
    return claims


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    expires_at, begins_at = claims.get("exp"), claims.get("nbf", 0)
    if not (_is_number(expires_at) and _is_number(begins_at)):
        raise TokenError("it has no valid expiry")
    if now > expires_at + LEEWAY_S:
        raise TokenError("it has expired")
    if now < begins_at - LEEWAY_S:
        raise TokenError("it is not valid yet")


def _check_parties(claims: Mapping[str, Any], issuers: Collection[str], audiences: Collection[str]) -> None:
    if issuers and claims.get("iss") not in issuers:
        raise TokenError("it has another issuer")
    audience = claims.get("aud", ())
    listed = [audience] if isinstance(audience, str) else audience
    if audiences and not (isinstance(listed, list) and any(each in audiences for each in listed)):
        raise TokenError("it has another audience")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decode_object(part: str) -> Mapping[str, Any]:
    try:
        value = json.loads(decode_base64url(part))
    except (ValueError, RecursionError) as error:
        raise TokenError("it cannot be decoded") from error
    if not isinstance(value, dict):
        raise TokenError("it cannot be decoded")
    return value


def decode_base64url(part: str) -> bytes:
    """Decode base64url without padding; raises TokenError for other text."""
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("it cannot be decoded") from error
