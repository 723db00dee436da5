"""Checks JSON web tokens with nothing but Python itself; those signed with a shared secret (HS256) wholly."""

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


class TokenError(Exception):
    """Why a token does not count; fit for a log, it holds nothing of the token."""


@dataclass(frozen=True)
class Token:
    """A token as it lies open for everybody: nothing of it counts before its signature was checked."""

    algorithm: str
    key: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def checked(
    token: str, secret: str, now: float, *, issuer: str = "", audiences: Collection[str] = ()
) -> Mapping[str, Any]:
    """What the token says, if it is signed and meant for now and for us; raises TokenError."""
    if not secret:
        raise TokenError("there is no secret to check it with")
    found = opened(token)
    if found.algorithm != "HS256":  # the token must not choose how it is checked
        raise TokenError("it is not signed with HS256")
    wanted = hmac.new(secret.encode(), found.signed, hashlib.sha256).digest()
    if not hmac.compare_digest(wanted, found.signature):
        raise TokenError("its signature is wrong")
    return judged(found.claims, now, (issuer,) if issuer else (), audiences)


def opened(token: str) -> Token:
    """The parts of a token; raises TokenError for what is none, or asks for what nobody here understands."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
        raise TokenError("it is not a token")
    signed, _, signature = token.rpartition(".")
    header, claims = (_object(part) for part in signed.split("."))
    algorithm = "" if "crit" in header else str(header.get("alg"))
    return Token(algorithm, str(header.get("kid", "")), claims, signed.encode(), decoded(signature))


def judged(
    claims: Mapping[str, Any], now: float, issuers: Collection[str], audiences: Collection[str]
) -> Mapping[str, Any]:
    """The claims, if they are meant for now and for us; nothing is asked where a collection is empty."""
    _check_time(claims, now)
    _check_parties(claims, issuers, audiences)
    return claims


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    ends, begins = claims.get("exp"), claims.get("nbf", 0)
    if not (_is_number(ends) and _is_number(begins)):
        raise TokenError("it does not say when it ends")
    if now > ends + LEEWAY_S:
        raise TokenError("its time is over")
    if now < begins - LEEWAY_S:
        raise TokenError("its time has not come")


def _check_parties(claims: Mapping[str, Any], issuers: Collection[str], audiences: Collection[str]) -> None:
    if issuers and claims.get("iss") not in issuers:
        raise TokenError("its issuer is another")
    meant = claims.get("aud", ())
    named = [meant] if isinstance(meant, str) else meant
    if audiences and not (isinstance(named, list) and any(each in audiences for each in named)):
        raise TokenError("it is meant for others")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(decoded(part))
    except (ValueError, RecursionError) as error:
        raise TokenError("it cannot be read") from error
    if not isinstance(found, dict):
        raise TokenError("it cannot be read")
    return found


def decoded(part: str) -> bytes:
    """base64 in its form for URLs, and nothing else."""
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("it cannot be read") from error
