"""How a REST API of API Gateway words its refusals.

Source: API Gateway's developer guide, "Gateway response types", with the messages that its error page lists. Where the
API has a gateway response of its own for a type, that one counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpResponse
from semantest_iac.infrastructure.local_service.gateway.rules import GatewayRefusal, RefusalReason


def _refuse_with(status: int, message: str, name: str = "message") -> GatewayRefusal:
    return GatewayRefusal(status, json.dumps({name: message}), names_wait=False)


BODY_LIMIT: Final = BodyLimit(
    10 * 1024 * 1024, HttpResponse(413, (("content-type", "application/json"),), b'{"message":"Request Too Long"}')
)
"""Source: API Gateway's developer guide, "Quotas for REST APIs" (payload size) and "Gateway response types"."""

REFUSALS: Final[Mapping[RefusalReason, GatewayRefusal]] = {
    RefusalReason.NO_ROUTE: _refuse_with(403, "Missing Authentication Token"),
    RefusalReason.ADDRESS: _refuse_with(
        403, "User: anonymous is not authorized to perform: execute-api:Invoke with an explicit deny", "Message"
    ),
    RefusalReason.NO_KEY: _refuse_with(403, "Forbidden"),
    RefusalReason.WRONG_KEY: _refuse_with(403, "Forbidden"),
    RefusalReason.NO_LOGIN: _refuse_with(401, "Unauthorized"),
    RefusalReason.WRONG_LOGIN: _refuse_with(401, "Unauthorized"),
    RefusalReason.NO_TOKEN: _refuse_with(401, "Unauthorized"),
    RefusalReason.WRONG_TOKEN: _refuse_with(401, "Unauthorized"),
    RefusalReason.RATE: _refuse_with(429, "Too Many Requests"),
    RefusalReason.QUOTA: _refuse_with(429, "Limit Exceeded"),
    RefusalReason.UNREACHABLE: _refuse_with(504, "Endpoint request timed out"),
    RefusalReason.TIMED_OUT: _refuse_with(504, "Endpoint request timed out"),
}
"""By default; an authorizer that fails with `Unauthorized` gives 401, one that denies 403. No refusal has a time."""
