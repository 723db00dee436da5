"""How API Management words its refusals.

Sources: the references of the policies ip-filter, validate-jwt, rate-limit and quota; Microsoft's support article
4464930 (both messages about keys); answers that people have recorded (`Out of call volume quota …`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpResponse
from semantest_iac.infrastructure.local_service.gateway.rules import GatewayRefusal, RefusalReason


def _refuse_with(status: int, message: str) -> GatewayRefusal:
    return GatewayRefusal(status, json.dumps({"statusCode": status, "message": message}))


_NO_KEY = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
_WRONG_KEY = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)

BODY_LIMIT: Final = BodyLimit(1024 * 1024 * 1024, HttpResponse(413))
"""Source: API Management's limits ("maximum request payload size", 1 GiB); they name no status."""

REFUSALS: Final[Mapping[RefusalReason, GatewayRefusal]] = {
    RefusalReason.NO_ROUTE: _refuse_with(404, "Resource not found"),
    RefusalReason.ADDRESS: _refuse_with(403, "Forbidden"),
    RefusalReason.NO_KEY: _refuse_with(401, _NO_KEY),
    RefusalReason.WRONG_KEY: _refuse_with(401, _WRONG_KEY),
    RefusalReason.NO_LOGIN: _refuse_with(401, "Unauthorized"),
    RefusalReason.WRONG_LOGIN: _refuse_with(401, "Unauthorized"),
    RefusalReason.NO_TOKEN: _refuse_with(401, "JWT not present."),
    RefusalReason.WRONG_TOKEN: _refuse_with(401, "Invalid JWT."),
    RefusalReason.RATE: _refuse_with(429, "Rate limit is exceeded. Try again in {wait} seconds."),
    RefusalReason.QUOTA: _refuse_with(403, "Out of call volume quota. Quota will be replenished in {clock}."),
    RefusalReason.UNREACHABLE: _refuse_with(500, "Internal server error"),
    RefusalReason.TIMED_OUT: _refuse_with(500, "Internal server error"),
}
"""By default; a policy that answers itself, such as the one for basic authentication, words its own refusal."""
