"""Releases are read again only when the ledger has changed."""

from __future__ import annotations

import os
from pathlib import Path

from semantest_iac.infrastructure.local_service.local_services import Releases

LONG_AGO = (1_700_000_000, 1_700_000_000)
AHEAD = (32_000_000_000, 32_000_000_000)  # a change that stays fresh however slowly the test runs


class CountingLedger:
    """Counts how often it is read."""

    def __init__(self, path: Path) -> None:
        self.path, self.reads, self.stacks = path, 0, {"a": "d1"}

    def read(self) -> dict[str, str]:
        self.reads += 1
        return dict(self.stacks)

    def write(self, text: str) -> None:
        """Change the file, with an old time stamp."""
        self.path.write_text(text)
        os.utime(self.path, LONG_AGO)


class TestReleases:
    async def test_are_read_once_while_nothing_changes(self, tmp_path: Path) -> None:
        ledger = CountingLedger(tmp_path / "ledger.db")
        ledger.write("x")
        releases = Releases(ledger.read, ledger.path)

        first, second = await releases.current(), await releases.current()

        assert (first, first is second, ledger.reads) == ({"a": "d1"}, True, 1)

    async def test_are_read_again_after_a_change(self, tmp_path: Path) -> None:
        ledger = CountingLedger(tmp_path / "ledger.db")
        releases = Releases(ledger.read, ledger.path)
        await releases.current()

        ledger.stacks = {"a": "d2"}
        (tmp_path / "ledger.db-wal").write_text("more")

        assert await releases.current() == {"a": "d2"}

    async def test_are_read_again_while_the_change_is_recent(self, tmp_path: Path) -> None:
        ledger = CountingLedger(tmp_path / "ledger.db")
        ledger.path.write_text("x")
        os.utime(ledger.path, AHEAD)
        releases = Releases(ledger.read, ledger.path)
        await releases.current()

        ledger.stacks = {"a": "d2"}  # a later change may have the same time stamp

        assert await releases.current() == {"a": "d2"}

    async def test_are_none_before_there_is_a_ledger(self, tmp_path: Path) -> None:
        ledger = CountingLedger(tmp_path / "ledger.db")
        ledger.stacks = {}

        assert await Releases(ledger.read, ledger.path).current() == {}
