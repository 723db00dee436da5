"""Makes JSON web tokens, also those with which a probe passes an authorizer, and reads those of clients.

Source: RFC 7519 (claims).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

PROBE_TOKEN_LIFETIME_S = 60
LONGEST_TOKEN = 8192
_JWT_SECRET_NAME = "JWT_SECRET"  # noqa: S105 - a name


def sign_probe_token(authorizer: FunctionSpec) -> str:
    """Sign a token that the authorizer accepts for one minute; empty if the authorizer has no secret."""
    variables = authorizer.environment
    references = json.loads(variables.get("SEMANTEST_SECRETS") or "{}")
    reference: str = references.get(_JWT_SECRET_NAME) or variables.get(_JWT_SECRET_NAME, "")
    if reference not in authorizer.secrets:
        return ""
    audience = variables.get("JWT_AUDIENCE", "").split(",")[0].strip()
    parties = {"iss": variables.get("JWT_ISSUER"), "aud": audience}
    claims = {"sub": "verification", "exp": int(time.time()) + PROBE_TOKEN_LIFETIME_S}
    required = {name: value for name, value in parties.items() if value}
    return sign_hs256_token({**claims, **required}, authorizer.secrets[reference])


def sign_hs256_token(claims: Mapping[str, Any], secret: str) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    return encode_token(header, claims, lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest())


def encode_token(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Encode a token; `sign` receives its first two parts and returns the signature."""
    text = ".".join(encode_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encode_base64url(sign(text.encode()))}"


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_token_part(part: str) -> Any:
    """Decode a header or claims without checking the signature; raises ValueError for other text."""
    return json.loads(_decode_base64url(part))


def _decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def decode_number(text: str) -> int:
    """Decode a number of a published key; raises ValueError for other text."""
    return int.from_bytes(_decode_base64url(text), "big")


class WrongTokenError(Exception):
    """A token is refused; the text says why, for the log, and holds no part of it."""


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """A token whose signature nobody has verified yet; `signed` is what the signature is for."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        return str(self.header.get("alg", ""))

    @property
    def key_id(self) -> str:
        return str(self.header.get("kid", ""))


@dataclass(frozen=True, slots=True)
class KeyFetching:
    """For how long an issuer's keys are used, and how soon they are fetched again: for an unknown id, after a failure.

    Not sooner, because anybody may send an unknown id.
    """

    lifetime_s: float
    pause_s: float
    pause_after_failure_s: float


@dataclass(frozen=True, slots=True)
class JwtRules:
    """What a gateway requires of a token; `header` carries it, in some gateways without a scheme before it.

    Without an issuer or audiences, every one is accepted. `leeway_s` is how much clocks may differ.
    """

    issuer: str
    audiences: Sequence[str]
    header: str = "authorization"
    _: KW_ONLY
    fetching: KeyFetching
    algorithms: Sequence[str] = ("RS256",)
    needs_scheme: bool = True
    leeway_s: float = 0
    takes_client_id: bool = False
    checks_issue_time: bool = False

    def read_token(self, request: HttpRequest, clock: Callable[[], float] = time.time) -> ParsedToken:
        """Return the request's token, in order but for its signature; raises WrongTokenError."""
        token = _parse(self._find_text(request.header(self.header)))
        if token.algorithm not in self.algorithms or "crit" in token.header:
            raise WrongTokenError(f"it is not signed with {' or '.join(self.algorithms)}")
        self._check_claims(token.claims, clock())
        return token

    def _find_text(self, header: str) -> str:
        scheme, _, text = header.partition(" ")
        if scheme.lower() == "bearer":
            return text.strip()
        if self.needs_scheme:
            raise WrongTokenError("there is no 'Bearer' before it")
        return header.strip()

    def _check_claims(self, claims: Mapping[str, Any], now: float) -> None:
        if self.issuer and claims.get("iss") != self.issuer:
            raise WrongTokenError("it has another issuer")
        if self.audiences and not {*self._list_audiences(claims)} & {*self.audiences}:
            raise WrongTokenError("it has another audience")
        expires, begins = claims.get("exp"), [claims.get("nbf", 0)]
        if self.checks_issue_time:
            begins.append(claims.get("iat", 0))
        if not isinstance(expires, int | float) or not all(isinstance(it, int | float) for it in begins):
            raise WrongTokenError("it has no valid expiry")
        if now >= expires + self.leeway_s:
            raise WrongTokenError("it has expired")
        if any(now < begin - self.leeway_s for begin in begins):
            raise WrongTokenError("it is not valid yet")

    def _list_audiences(self, claims: Mapping[str, Any]) -> Iterator[str]:
        found = claims.get("aud", claims.get("client_id") if self.takes_client_id else None)
        yield from (it for it in (found if isinstance(found, list) else [found]) if isinstance(it, str))


def _parse(text: str) -> ParsedToken:
    parts = text.split(".")
    if len(text) > LONGEST_TOKEN or len(parts) != 3 or not all(parts):
        raise WrongTokenError("it is not a token")
    try:
        header, claims = (decode_token_part(part) for part in parts[:2])
        signature = _decode_base64url(parts[2])
    except (ValueError, RecursionError) as error:
        raise WrongTokenError("it cannot be decoded") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise WrongTokenError("it cannot be decoded")
    return ParsedToken(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)
