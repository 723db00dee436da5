"""Every WebSocket case of the table of translation cases, frame by frame, on each cloud and in each language."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.http_translation import TranslationCase, read_bytes, read_cases
from tests.contract.web_sockets.variants import Deployments, StackVariant

SECONDS = 10
OPCODES = {"continuation": 0, "text": 1, "binary": 2, "reserved": 3, "close": 8, "ping": 9, "pong": 10}
PYTHON = """
import semantest_send

def handler(event, context):
    request = event["requestContext"]
    if request["eventType"] == "CONNECT":
        chosen = (event.get("queryStringParameters") or {}).get("choose")
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": chosen} if chosen else {}}
    if request["eventType"] == "MESSAGE":
        semantest_send.post(request["connectionId"], event["body"])
    return {"statusCode": 200}
"""
NODE = """
const { post } = require("semantest-send");
exports.handler = async (event) => {
  const { eventType, connectionId } = event.requestContext;
  const chosen = event.queryStringParameters?.choose;
  if (eventType === "CONNECT") return { statusCode: 200, headers: chosen ? { "Sec-WebSocket-Protocol": chosen } : {} };
  if (eventType === "MESSAGE") await post(connectionId, event.body);
  return { statusCode: 200 };
};
"""
SOURCES = {
    "python-on-aws": ("app.py", PYTHON, StackVariant("aws", "us-east-2")),
    "python-on-azure": ("app.py", PYTHON, StackVariant("azure", "centralus")),
    "node-on-aws": ("app.cjs", NODE, StackVariant("aws", "eu-west-2")),
    "node-on-azure": ("app.cjs", NODE, StackVariant("azure", "uksouth")),
}


@dataclass(frozen=True)
class EchoingStack:
    provider: str
    url: str


@pytest.fixture(scope="module", params=SOURCES)
def stack(
    request: pytest.FixtureRequest, deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EchoingStack]:
    file, content, variant = SOURCES[request.param]
    folder = tmp_path_factory.mktemp("source")
    (folder / file).write_text(content)
    options = (f"components.websocket.source={folder}", "components.websocket.handler=app.handler")
    outcome = deployments.deploy(variant, *(word for option in options for word in ("--set", option)))
    assert (outcome["state"], outcome.get("error")) == ("completed", None)
    yield EchoingStack(variant.provider, f"{deployments.gateway.url}/{variant.stack}/")


@dataclass
class RawClient:
    """One connection, frame by frame."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def shake_hands(self, path: str, handshake: Mapping[str, Any]) -> tuple[int, str]:
        """Return the status and the agreed subprotocol."""
        lines = [f"GET {path}{handshake.get('query', '')} HTTP/1.1".encode(), b"Host: localhost", b"Upgrade: websocket"]
        lines += [b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
        lines += [b"Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16))]
        lines += [name.encode() + b": " + read_bytes(value) for name, value in handshake.get("headers", ())]
        self.writer.write(b"\r\n".join([*lines, b"", b""]))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), headers.get("sec-websocket-protocol", "")

    async def send(self, frame: Mapping[str, Any]) -> None:
        data = struct.pack("!H", frame["code"]) if "code" in frame else _frame_bytes(frame)
        first = OPCODES[frame["opcode"]] | (0x80 if frame.get("fin", True) else 0)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
        self.writer.write(bytes([first]) + size + bytes(4) + data)  # a mask of zeros
        await self.writer.drain()

    async def receive(self) -> dict[str, Any]:
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        data = await self.reader.readexactly(size)
        name = next(name for name, opcode in OPCODES.items() if opcode == first & 0x0F)
        return {"opcode": name, "code": struct.unpack("!H", data[:2])[0]} if name == "close" else {
            "opcode": name, "text": data.decode()
        }  # fmt: skip


def _frame_bytes(frame: Mapping[str, Any]) -> bytes:
    return read_bytes(frame if {"size", "base64"} & {*frame} else frame.get("text", ""))


@asynccontextmanager
async def open_raw_client(url: str) -> AsyncIterator[RawClient]:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()


@pytest.mark.parametrize("case", read_cases("web_socket"), ids=str)
async def test_case(stack: EchoingStack, case: TranslationCase) -> None:
    expected = case.expected(stack.provider, "")
    async with asyncio.timeout(SECONDS), open_raw_client(stack.url) as client:
        status, subprotocol = await client.shake_hands(urlsplit(stack.url).path, case.given.get("handshake", {}))
        assert (status, subprotocol) == (expected.get("status", 101), expected.get("subprotocol", ""))
        for frame in case.given.get("send", ()):
            await client.send(frame)
        received = [await client.receive() for _ in expected.get("frames", ())]

    assert received == [*expected.get("frames", ())]
