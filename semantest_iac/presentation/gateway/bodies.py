"""Receives and sends bodies: small ones in memory, others in files, and none beyond the cloud's limit."""

from __future__ import annotations

import asyncio
import codecs
import json
import secrets
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from aiohttp import StreamReader
from aiohttp.web import StreamResponse

from semantest_iac.domain.networking.http_exchange import StoredBody

LARGEST_IN_MEMORY = 32 * 1024
LARGEST_MEASURED = 8 * 1024 * 1024
"""Up to this size it is counted how long a text would be in JSON; a larger one is in no JSON that a cloud sends."""

SENT_AT_ONCE = 64 * 1024
SENT_FROM_MEMORY = 16 * 1024 * 1024
"""What the bodies of all responses that are being sent take of the memory."""

LARGEST_STORE = 2 * 1024 * 1024 * 1024
"""What all bodies together may take of the disk; 20 of the largest of Azure."""


BeginPart = Callable[[], Awaitable[None]]
"""Waits until the next part of a body may be handled."""


class BodyTooLargeError(Exception):
    """A body is larger than the cloud accepts."""


class BodyRefusedError(Exception):
    """A body cannot be received, for a reason that is not the cloud's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class BodyStore:
    """A folder for large bodies, each of which is removed when nothing uses it any more."""

    def __init__(self, folder: Path, stall_s: float, largest_store: int = LARGEST_STORE) -> None:
        self._folder = folder
        self._stall_s = stall_s
        self._room = largest_store
        self._memory = SENT_FROM_MEMORY

    async def receive(self, content: StreamReader, largest: int, begin_part: BeginPart) -> bytes | StoredBody:
        """Read a body to its end; raises an error of this module, before anything is kept beyond the limit."""
        received = bytearray()
        while chunk := await self._read_chunk(content):
            received += chunk
            if len(received) > largest:
                raise BodyTooLargeError
            if len(received) > LARGEST_IN_MEMORY:
                return await self._receive_into_file(bytes(received), content, largest, begin_part)
        return bytes(received)

    async def send(self, response: StreamResponse, bodies: list[bytes | StoredBody], begin_part: BeginPart) -> None:
        """Send the only body of a list, which is emptied, as fast as the client reads it.

        What does not fit into the memory of all responses waits in a file. Raises ConnectionError when the client is
        gone or reads nothing for too long.
        """
        body = bodies.pop()
        if isinstance(body, StoredBody) or len(body) > self._memory:
            stored = body if isinstance(body, StoredBody) else self._store(body)
            del body
            with _open_body(stored) as file:
                while chunk := file.read(SENT_AT_ONCE):
                    await begin_part()
                    await self._send_chunk(response, chunk)
            return
        self._memory -= len(body)
        try:
            for start in range(0, len(body), SENT_AT_ONCE):
                await begin_part()
                await self._send_chunk(response, body[start : start + SENT_AT_ONCE])
        finally:
            self._memory += len(body)

    async def _send_chunk(self, response: StreamResponse, chunk: bytes) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await response.write(chunk)
        except TimeoutError:
            raise ConnectionAbortedError("the client reads nothing") from None

    def _store(self, body: bytes) -> StoredBody:
        self._take_room(len(body))
        path = self._folder / f"body-{secrets.token_hex(8)}"
        stored = StoredBody(str(path), len(body))
        weakref.finalize(stored, self._discard, path, len(body))
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(body)
        return stored

    async def _receive_into_file(
        self, chunk: bytes, content: StreamReader, largest: int, begin_part: BeginPart
    ) -> StoredBody:
        path = self._folder / f"body-{secrets.token_hex(8)}"
        stored = _Storing(path)
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                while chunk:
                    if stored.size + len(chunk) > largest:
                        raise BodyTooLargeError
                    self._take_room(len(chunk))
                    await begin_part()
                    if stored.size < LARGEST_MEASURED:
                        stored.write(file, chunk)
                    else:  # so much may have to wait for the disk
                        await asyncio.to_thread(stored.write, file, chunk)
                    chunk = await self._read_chunk(content)
        except OSError as error:
            self._discard(path, stored.size)
            raise BodyRefusedError(503, f"Cannot keep the body of the request: {error.strerror}.") from error
        except BaseException:
            self._discard(path, stored.size)
            raise
        body = stored.finish()
        weakref.finalize(body, self._discard, path, stored.size)
        return body

    async def _read_chunk(self, content: StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._stall_s):
                return await content.readany()
        except TimeoutError:
            raise BodyRefusedError(408, f"Nothing more of the body was sent for {self._stall_s:g} seconds.") from None

    def _take_room(self, size: int) -> None:
        if size > self._room:
            raise BodyRefusedError(503, "The bodies of other requests take all the room there is; try again later.")
        self._room -= size

    def _discard(self, path: Path, size: int) -> None:
        self._room += size
        try:
            asyncio.get_running_loop().run_in_executor(None, _remove_file, path)  # a large one takes a while
        except RuntimeError:  # there is no event loop (any more) that would wait for it
            _remove_file(path)


def _remove_file(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _open_body(stored: StoredBody) -> BinaryIO:
    return Path(stored.path).open("rb")


class _Storing:
    """A file that grows, with what must be known of its text."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._path = path
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._json_bytes = 0

    def write(self, file: BinaryIO, chunk: bytes) -> None:
        file.write(chunk)
        self.size += len(chunk)
        self._decode(chunk)

    def finish(self) -> StoredBody:
        self._decode(b"", is_final=True)
        json_bytes = max(self._json_bytes, self.size)
        return StoredBody(str(self._path), self.size, json_bytes if self._decoder else None)

    def _decode(self, chunk: bytes, *, is_final: bool = False) -> None:
        if self._decoder is None or self.size > LARGEST_MEASURED:
            return
        try:
            self._json_bytes += len(json.dumps(self._decoder.decode(chunk, is_final))) - 2
        except UnicodeDecodeError:
            self._decoder = None
