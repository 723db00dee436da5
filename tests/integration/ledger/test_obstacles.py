from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

Start = Callable[..., subprocess.Popen[str]]
EVENTS = [NewEvent("x", "{}")]


def _execute(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _move(file: Path, replaced: bool) -> None:
    file.rename(file.with_suffix(".old"))
    if replaced:
        file.touch()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user of the machine may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


class TestAppend:
    def test_refuses_while_the_disk_is_full_and_continues_afterwards(self, start: Start, file: Path) -> None:
        report = start("obstacles.py", "disk_full", file).communicate()[0]

        assert report.splitlines() in (["LEDGER_IO 1", "none 2"], ["LEDGER_FULL 1", "none 2"])

    def test_refuses_a_read_only_file(self, start: Start, open_folder: Path) -> None:
        report = start("obstacles.py", "read_only", open_folder / "ledger.db").communicate()[0]

        assert report.split() == ["LEDGER_READ_ONLY", "1"]

    async def test_gives_up_on_a_lock_that_is_never_released(self, written: SqliteLedger, file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as holder:
            holder.execute("begin immediate")
            with pytest.raises(LedgerError, match="another process keeps it locked") as busy:
                await written.append("a", None, EVENTS)

        assert (busy.value.error_code, busy.value.retryable) == ("LEDGER_BUSY", True)
        assert len(await written.append("a", 3, EVENTS)) == 1

    @pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
    async def test_refuses_a_removed_or_replaced_file(self, ledger: SqliteLedger, file: Path, replaced: bool) -> None:
        await ledger.append("a", None, EVENTS)
        _move(file, replaced)

        with pytest.raises(LedgerError, match="removed or replaced") as moved:
            await ledger.append("a", None, EVENTS)

        assert moved.value.error_code == "LEDGER_MOVED"
        assert _content(file) == (b"" if replaced else None)

    async def test_refuses_a_home_that_is_a_file(self, file: Path) -> None:
        file.parent.write_text("not a folder")

        with pytest.raises(LedgerError, match=f"Cannot append to ledger '{file}': "):
            await SqliteLedger(file).append("a", None, EVENTS)


UNREADABLE = {
    "not a database": (b"nothing that SQLite wrote, and long enough to be sure of it" * 20, "LEDGER_DAMAGED"),
    "a torn header": (b"SQLite format 3\0" + b"\xff" * 600, "LEDGER_DAMAGED"),
}


class TestEveryUse:
    @pytest.mark.parametrize(("content", "code"), UNREADABLE.values(), ids=UNREADABLE)
    async def test_refuses_a_file_that_is_no_ledger(
        self, ledger: SqliteLedger, file: Path, content: bytes, code: str
    ) -> None:
        _write(file, content)

        assert await _refusals(ledger) == {code}
        assert _content(file) == content

    async def test_refuses_a_ledger_whose_pages_are_damaged(self, written: SqliteLedger, file: Path) -> None:
        content = _content(file) or b""
        _write(file, content[:4096] + b"\xff" * (len(content) - 4096))

        assert await _refusals(written) == {"LEDGER_DAMAGED"}

    async def test_refuses_a_ledger_of_a_newer_version(self, written: SqliteLedger, file: Path) -> None:
        _execute(file, "pragma user_version = 2")

        assert await _refusals(written) == {"LEDGER_NEWER"}

    async def test_refuses_the_database_of_another_program(self, ledger: SqliteLedger, file: Path) -> None:
        file.parent.mkdir()
        _execute(file, "create table events (position)")

        assert await _refusals(ledger) == {"LEDGER_FOREIGN"}

    async def test_treats_an_empty_file_as_a_new_ledger(self, ledger: SqliteLedger, file: Path) -> None:
        _write(file, b"")

        assert (ledger.stacks(), ledger.verify().events) == ([], 0)
        assert len(await ledger.append("a", 0, EVENTS)) == 1

    async def test_reports_damaged_text(self, written: SqliteLedger, file: Path) -> None:
        _execute(file, "update events set json = cast(x'ff' as text) where position = 3")

        with pytest.raises(LedgerError) as refused:
            written.verify()

        assert refused.value.error_code == "LEDGER_DAMAGED"


async def _refusals(ledger: SqliteLedger) -> set[str]:
    """Return the error codes of reading, verifying and appending."""
    codes = set()
    for use in (ledger.streams, ledger.head, ledger.stacks, ledger.verify):
        with pytest.raises(LedgerError) as refused:
            use()
        codes.add(refused.value.error_code)
    with pytest.raises(LedgerError) as refused:
        await ledger.append("a", None, EVENTS)
    return codes | {refused.value.error_code}
