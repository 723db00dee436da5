"""Waits for the notifications that writers of a PostgreSQL database send with what they commit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

_PAUSE_S = 0.2  # before the next attempt to connect


class PostgresqlWatch:
    """Listens on a connection of its own, which is opened again when it is lost.

    Until then every wait ends soon, so that whoever waits reads instead.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._connection: Any = None

    async def wait(self, timeout_s: float) -> None:
        """Return when something was committed since the last call, or after so long."""
        import psycopg

        try:
            if self._connection is None:
                self._connection = await self._listen()
                return  # what was committed before is not notified
            async for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
                pass
        except (psycopg.Error, OSError):
            await self.close()
            await asyncio.sleep(min(_PAUSE_S, timeout_s))

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be lost already
                await connection.close()

    async def _listen(self) -> Any:
        import psycopg

        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=10)
        try:
            await connection.execute(f'listen "{self._channel}"')
        except BaseException:
            await connection.close()
            raise
        return connection
