from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.queries.history import read_events, read_history, read_status
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

HEAVY = ("asyncio", "pydantic", "pulumi", "rich", "click", "semantest_iac_events.event")


def _modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


class TestReading:
    def test_creates_nothing(self, ledger: SqliteLedger, home: Path) -> None:
        answers = [read_status(ledger), read_history(ledger), read_events(ledger), ledger.streams()]

        assert answers == [[], [], [], []]
        assert not home.exists()

    def test_leaves_no_files_beside_the_ledger(self, written: SqliteLedger, home: Path) -> None:
        assert len(read_events(written)) == 6

        assert _modes(home) == {".gitignore": "0o600", "ledger.db": "0o600"}

    async def test_leaves_none_if_its_writer_is_dropped(self, file: Path, home: Path) -> None:
        ledger = SqliteLedger(file)
        await ledger.append("a", None, [NewEvent("x", "{}")])
        assert ledger.head().position == 1
        del ledger
        for _ in range(100):  # the thread that wrote may hold the writer a moment longer
            gc.collect()  # before Python 3.13 nothing tells of a file that was not closed
            if len(_modes(home)) == 2:
                break
            await asyncio.sleep(0.02)

        assert _modes(home) == {".gitignore": "0o600", "ledger.db": "0o600"}

    async def test_leaves_none_if_its_writer_is_closed(self, file: Path, home: Path) -> None:
        ledger = SqliteLedger(file)
        await ledger.append("a", None, [NewEvent("x", "{}")])
        assert [ledger.head().position, len(list(ledger.log()))] == [1, 1]

        ledger.close()

        assert _modes(home) == {".gitignore": "0o600", "ledger.db": "0o600"}

    async def test_sees_a_file_that_took_the_place_of_the_one_it_writes(self, file: Path, tmp_path: Path) -> None:
        other, ledger = SqliteLedger(tmp_path / "other" / "ledger.db"), SqliteLedger(file)
        await other.append("b", None, [NewEvent("x", "{}")] * 2)
        other.close()
        await ledger.append("a", None, [NewEvent("x", "{}")])
        assert ledger.streams() == ["a"]

        (tmp_path / "other" / "ledger.db").replace(file)
        for name in ("ledger.db-wal", "ledger.db-shm"):
            file.with_name(name).unlink()

        assert ledger.streams() == ["b"]

    async def test_sees_events_committed_meanwhile(self, written: SqliteLedger) -> None:
        log = written.log()
        seen = [next(log)]
        await written.append("a", None, [NewEvent("x", "{}")])

        assert written.head().position == 7
        assert [row.position for row in [*seen, *log]][:6] == [1, 2, 3, 4, 5, 6]

    def test_loads_no_heavy_library(self, written: SqliteLedger, file: Path) -> None:
        program = (
            "import sys; from pathlib import Path\n"
            "from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger\n"
            "from semantest_iac.application.queries.history import read_status\n"
            "from semantest_iac.application.queries.history import read_history, read_events\n"
            "ledger = SqliteLedger(Path(sys.argv[1]))\n"
            "print(read_status(ledger), read_history(ledger), len(read_events(ledger)))\n"
            f"print(sorted(set({HEAVY}) & set(sys.modules)))"
        )

        report = subprocess.run(
            [sys.executable, "-c", program, file],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )

        assert report.stdout.splitlines() == ["[] [] 6", "[]"]


class TestWriting:
    async def test_makes_files_private(self, ledger: SqliteLedger, home: Path) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")])

        assert _modes(home.parent) == {"home": "0o700"}
        assert _modes(home) == {
            ".gitignore": "0o600",
            "ledger.db": "0o600",
            "ledger.db-shm": "0o600",
            "ledger.db-wal": "0o600",
        }

    async def test_continues_after_closing(self, written: SqliteLedger) -> None:
        written.close()

        assert [row.position for row in await written.append("a", 3, [NewEvent("x", "{}")])] == [7]
