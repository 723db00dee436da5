"""Whether clients must show a token, and the variables that say how it is checked: those of Semantest's own servers."""

from __future__ import annotations

from collections.abc import Mapping

REQUIRED = "AUTHENTICATION_REQUIRED"
SIGNING_SECRET = "JWT_SECRET"  # noqa: S105 - the name of a variable
DEFAULT_SECRET = "jwt_secret"  # noqa: S105 - the name of a secret
ALLOWED_ORIGINS = "ALLOWED_ORIGINS"
TOKEN_ISSUER, TOKEN_AUDIENCE = "JWT_ISSUER", "JWT_AUDIENCE"

_NO = ("false", "no", "off", "0")


def asks_for_token(authorizer: object | None, variables: Mapping[str, str]) -> bool:
    """False only where that is said: who says nothing, or something else, lets nobody in without a token."""
    return authorizer is not None or variables.get(REQUIRED, "").strip().lower() not in _NO
