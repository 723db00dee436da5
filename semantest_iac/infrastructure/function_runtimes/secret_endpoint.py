"""Answers Secrets Manager's GetSecretValue on the loopback, for the secrets of one function."""

from __future__ import annotations

import asyncio
import json
import secrets as randomness
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

LONGEST_REQUEST_S = 5
LARGEST_BODY = 64 * 1024
TARGET = b"secretsmanager.getsecretvalue"

Answer = tuple[HTTPStatus, dict[str, Any]]


@asynccontextmanager
async def secret_endpoint(secrets: Mapping[str, str]) -> AsyncIterator[str]:
    """The URL of an endpoint that lives as long as the block; empty when there is nothing to answer.

    Its path is random: another process of this machine that finds the port gets nothing from it.
    """
    if not secrets:
        yield ""
        return
    path = f"/{randomness.token_urlsafe(24)}"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(LONGEST_REQUEST_S):
                writer.write(_encoded(_answer(*await _request(reader), path, secrets)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LARGEST_BODY)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The request target, the headers in lower case, and the body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).strip().split(b"\r\n")
    pairs = (line.lower().partition(b":")[::2] for line in lines)
    headers = {name.strip(): value.strip() for name, value in pairs}
    length = min(int(headers.get(b"content-length", b"0")), LARGEST_BODY)
    return first.split(b" ")[1], headers, await reader.readexactly(length)


def _answer(
    target: bytes, headers: Mapping[bytes, bytes], body: bytes, path: str, secrets: Mapping[str, str]
) -> Answer:
    known = randomness.compare_digest(target.rstrip(b"/"), path.encode())
    if not known or headers.get(b"x-amz-target") != TARGET:
        return HTTPStatus.FORBIDDEN, {"__type": "AccessDeniedException"}
    reference = json.loads(body).get("SecretId")
    if reference not in secrets:
        message = "Secrets Manager can't find the specified secret."
        return HTTPStatus.BAD_REQUEST, {"__type": "ResourceNotFoundException", "Message": message}
    value = {"ARN": reference, "Name": reference, "SecretString": secrets[reference]}
    return HTTPStatus.OK, value | {"VersionStages": ["AWSCURRENT"]}


def _encoded(answer: Answer) -> bytes:
    status, value = answer
    body = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
