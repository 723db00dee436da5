"""Passes HTTP/1.1 messages from one connection to another a part at a time, with the framing that they have."""

from __future__ import annotations

import re
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from semantest_iac.domain.networking.http_exchange import HEADER_NAME, Pairs

LARGEST_HEAD: Final = 64 * 1024
PART: Final = 64 * 1024
"""What is read at once, so that a connection holds little, however long its messages are."""

_HOP_HEADERS = frozenset(("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"))
_FORBIDDEN = re.compile(r"[\x00\r\n]")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LINE_END = b"\r\n"


class BrokenMessageError(Exception):
    """A message is no HTTP, or ends before its end."""


class Framing(Enum):
    """How the end of a body is found where it has no length."""

    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


BodyEnd = int | Framing
"""The bytes of a body, or how its end is found."""


@dataclass(frozen=True, slots=True)
class MessageHead:
    """The first line of a request or an answer, in three parts, and its headers as they were sent."""

    start: tuple[str, str, str]
    headers: Pairs

    def list_values(self, name: str) -> tuple[str, ...]:
        """Return the values of a header, whose name is in lower case."""
        return tuple(value for own, value in self.headers if own.lower() == name)

    def header(self, name: str) -> str:
        """Return the first value of a header, empty if there is none."""
        return next(iter(self.list_values(name)), "")

    def list_connection_options(self) -> frozenset[str]:
        """Return what the head says about its connection, in lower case."""
        return frozenset(it.strip().lower() for value in self.list_values("connection") for it in value.split(","))

    def without_hop_headers(self) -> MessageHead:
        """Return the head without what holds for one connection alone; how its body is framed stays."""
        dropped = _HOP_HEADERS | (self.list_connection_options() - {"content-length", "transfer-encoding"})
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() not in dropped))

    def encode(self, added: Iterable[tuple[str, str]] = ()) -> bytes:
        """Return the bytes of the head with more headers."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*self.headers, *added))
        return f"{' '.join(self.start).rstrip()}\r\n{lines}\r\n".encode("latin-1")


async def read_head(reader: StreamReader) -> MessageHead | None:
    """Read a head; None where the connection ends before it. Raises BrokenMessageError."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except IncompleteReadError as error:
        if error.partial:
            raise BrokenMessageError("the head of a message has no end") from error
        return None
    except LimitOverrunError as error:
        raise BrokenMessageError("the head of a message is too long") from error
    first, *lines = data[:-4].decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    middle, _, last = rest.partition(" ")
    return MessageHead((method, middle, last), tuple(_parse_header(line) for line in lines))


def _parse_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not HEADER_NAME.fullmatch(name) or _FORBIDDEN.search(value):
        raise BrokenMessageError("a header is malformed")
    return name, value.strip(" \t")


def find_request_body(head: MessageHead) -> BodyEnd:
    """Return where the body of a request ends; raises BrokenMessageError where that is not clear."""
    return _find_declared_end(head) or 0


def find_answer_body(head: MessageHead, method: str, status: int) -> BodyEnd:
    """Return where the body of an answer to a method ends; raises BrokenMessageError where that is not clear."""
    if method == "HEAD" or status < 200 or status in (204, 304):
        return 0
    end = _find_declared_end(head)
    return Framing.UNTIL_CLOSE if end is None else end


def _find_declared_end(head: MessageHead) -> BodyEnd | None:
    """Two lengths, or a length and another framing, would let two programs see two different messages."""
    lengths, encodings = set(head.list_values("content-length")), head.list_values("transfer-encoding")
    if encodings:
        if lengths or [it.lower() for it in encodings] != ["chunked"]:
            raise BrokenMessageError("the end of a body is not clear")
        return Framing.CHUNKED
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdecimal()):
        raise BrokenMessageError("the end of a body is not clear")
    return int(length)


async def pass_body(reader: StreamReader, writer: StreamWriter, end: BodyEnd, on_part: Callable[[], None]) -> None:
    """Pass a body on as it comes; each part waits until the one before is on its way.

    Raises BrokenMessageError where the reader's side ends too early, and ConnectionError where the writer's does.
    """
    if isinstance(end, int):
        await _pass_bytes(reader, writer, end, on_part)
    elif end is Framing.CHUNKED:
        await _pass_chunks(reader, writer, on_part)
    else:
        await pass_all(reader, writer, on_part)


async def pass_all(reader: StreamReader, writer: StreamWriter, on_part: Callable[[], None]) -> None:
    """Pass on everything until the reader's side ends."""
    while part := await reader.read(PART):
        await _write(writer, part, on_part)


async def _pass_bytes(reader: StreamReader, writer: StreamWriter, size: int, on_part: Callable[[], None]) -> None:
    while size:
        part = await reader.read(min(size, PART))
        if not part:
            raise BrokenMessageError("a body ends too early")
        await _write(writer, part, on_part)
        size -= len(part)


async def _pass_chunks(reader: StreamReader, writer: StreamWriter, on_part: Callable[[], None]) -> None:
    while True:
        line = await _read_line(reader)
        text = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(text):
            raise BrokenMessageError("the size of a part is malformed")
        await _write(writer, line, on_part)
        if not (size := int(text, 16)):
            break
        await _pass_bytes(reader, writer, size, on_part)
        if await _read_line(reader) != _LINE_END:
            raise BrokenMessageError("a part is longer than it says")
        await _write(writer, _LINE_END, on_part)
    while (line := await _read_line(reader)) != _LINE_END:
        await _write(writer, line, on_part)
    await _write(writer, _LINE_END, on_part)


async def _read_line(reader: StreamReader) -> bytes:
    try:
        return await reader.readuntil(_LINE_END)
    except (IncompleteReadError, LimitOverrunError) as error:
        raise BrokenMessageError("a body ends too early") from error


async def _write(writer: StreamWriter, part: bytes, on_part: Callable[[], None]) -> None:
    on_part()
    writer.write(part)
    await writer.drain()
    on_part()
