"""What is live, read anew only where the ledger's files have changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_COARSE_S = 0.02  # two writes may share one time stamp of a file system
Stamp = tuple[tuple[int, int], ...]


class Releases:
    """Stack -> the deployment that settled it last."""

    def __init__(self, read: Callable[[], Mapping[str, str]], ledger: Path) -> None:
        self._read = read
        self._files = ledger, ledger.with_name(f"{ledger.name}-wal")
        self._found: Mapping[str, str] = {}
        self._seen: Stamp | None = None
        self._reading = asyncio.Lock()

    async def current(self) -> Mapping[str, str]:
        """The releases as of now; the same mapping as before where nothing has changed."""
        if self._stamp() != self._seen:
            async with self._reading:
                stamp = self._stamp()
                if stamp != self._seen:
                    await self._renew(stamp)
        return self._found

    async def _renew(self, stamp: Stamp) -> None:
        found = await asyncio.to_thread(self._read)
        if found != self._found:
            self._found = found
        newest = max((changed for changed, _ in stamp), default=0)
        self._seen = stamp if time.time_ns() - newest > _COARSE_S * 1e9 else None

    def _stamp(self) -> Stamp:
        return tuple(_of_file(path) for path in self._files)


def _of_file(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
