"""Answers in place of Azure's sources of identity tokens, and of the directory that publishes the keys of their issuer.

Source: Microsoft's reference of the REST endpoint of managed identities in App Service.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.azure.tokens import (
    IDENTITY_TOKEN_LIFETIME_S,
    create_signing_keys_handler,
    issue_identity_token,
)
from semantest_iac.infrastructure.local_service.messaging.function_calls import IDENTITIES_PATH

STORAGE_AUDIENCE, MANAGEMENT_AUDIENCE = "https://storage.azure.com", "https://management.azure.com"
BUS_AUDIENCE = "https://servicebus.azure.net"
_SOURCE_PATH = re.compile(r"/(?P<tenant>[\w-]+)/(?P<principal>[\w-]+)/msi/token")
_KEYS_PATH = re.compile(r"/(?P<tenant>[\w-]+)/discovery/v2\.0/keys")
_JSON = (("content-type", "application/json"),)


class Principal(NamedTuple):
    """An identity of a directory."""

    tenant: str
    id: str


def find_identity_variables(url: str, principal: Principal) -> Mapping[str, str]:
    """Return the variables with which an app gets tokens of its identity from this process, and checks them.

    The header is the proof of being that app.
    """
    identities = f"{url}{IDENTITIES_PATH}"
    return {
        "IDENTITY_ENDPOINT": f"{identities}/{principal.tenant}/{principal.id}/msi/token",
        "IDENTITY_HEADER": _make_header(principal),
        "SEMANTEST_AUTHORITY": identities,
    }


async def answer_identity_request(request: LoopbackRequest) -> HttpResponse:
    """Answer a request below IDENTITIES_PATH: for a token of an app's identity, or for the keys of a directory."""
    path = urlsplit(request.path).path.removeprefix(IDENTITIES_PATH)
    if keys := _KEYS_PATH.fullmatch(path):
        return await create_signing_keys_handler(keys["tenant"])(LoopbackRequest("GET", path))
    if source := _SOURCE_PATH.fullmatch(path):
        principal = Principal(source["tenant"], source["principal"])
        audiences = (MANAGEMENT_AUDIENCE, STORAGE_AUDIENCE, BUS_AUDIENCE)
        return answer_token_request(request, principal, audiences, _make_header(principal))
    return _answer(404, {"statusCode": 404, "message": "There are tokens of identities and keys of directories here."})


def answer_token_request(
    request: LoopbackRequest, principal: Principal, audiences: Collection[str], secret_header: str
) -> HttpResponse:
    """Answer as App Service's source of tokens does, to whoever has the secret header, for these audiences alone."""
    query = parse_qs(urlsplit(request.path).query)
    resource = query.get("resource", [""])[0].rstrip("/")
    if not hmac.compare_digest(request.headers.get("x-identity-header", "").encode(), secret_header.encode()):
        return _answer(401, {"statusCode": 401, "message": "The header X-IDENTITY-HEADER is wrong."})
    if resource not in audiences:
        known = " and ".join(audiences)
        return _answer(400, {"statusCode": 400, "message": f"There are tokens for {known} alone here."})
    token = issue_identity_token(principal.tenant, principal.id, resource)
    expires = str(int(time.time()) + IDENTITY_TOKEN_LIFETIME_S)
    client = query.get("client_id", [""])[0]
    found = {"access_token": token, "expires_on": expires, "resource": resource, "token_type": "Bearer"}
    return _answer(200, {**found, "client_id": client})


def _make_header(principal: Principal) -> str:
    """Make the header of an identity, which nobody can guess who knows that of another one."""
    return hmac.new(_make_key(), "/".join(principal).encode(), "sha256").hexdigest()


@cache
def _make_key() -> bytes:
    return secrets.token_bytes(32)


def _answer(status: int, value: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(status, _JSON, json.dumps(value).encode())
