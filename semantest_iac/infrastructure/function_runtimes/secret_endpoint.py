"""Answers Secrets Manager's GetSecretValue on the loopback, for the secrets of one function."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import Bounds, Call, loopback

BOUNDS = Bounds(body=64 * 1024)
TARGET = "secretsmanager.getsecretvalue"
_HEADERS = (("content-type", "application/x-amz-json-1.1"),)


@asynccontextmanager
async def secret_endpoint(secrets: Mapping[str, str]) -> AsyncIterator[str]:
    """The URL of an endpoint that lives as long as the block; empty when there is nothing to answer."""
    if not secrets:
        yield ""
        return

    async def answered(call: Call) -> HttpResponse:
        status, value = _answer(call, secrets)
        return HttpResponse(status, _HEADERS, json.dumps(value).encode())

    async with loopback(answered, BOUNDS) as url:
        yield url


def _answer(call: Call, secrets: Mapping[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    if call.path != "/" or call.headers.get("x-amz-target", "").lower() != TARGET:
        return HTTPStatus.FORBIDDEN, {"__type": "AccessDeniedException"}
    reference = json.loads(call.body).get("SecretId")
    if reference not in secrets:
        message = "Secrets Manager can't find the specified secret."
        return HTTPStatus.BAD_REQUEST, {"__type": "ResourceNotFoundException", "Message": message}
    value = {"ARN": reference, "Name": reference, "SecretString": secrets[reference]}
    return HTTPStatus.OK, value | {"VersionStages": ["AWSCURRENT"]}
