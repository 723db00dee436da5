from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from tests.integration.ledger.appender import PAIR

Start = Callable[..., subprocess.Popen[str]]
ENDLESS = 10**9


def _printed_rows(process: subprocess.Popen[str]) -> set[tuple[int, str]]:
    """Return the complete lines that a process printed until its end."""
    output = process.communicate()[0]
    whole = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {(int(position), digest) for position, digest in whole}


class TestFourProcesses:
    @pytest.mark.parametrize("streams", ["aaaa", "abcd"], ids=["one stream", "own streams"])
    def test_record_every_event_once(self, start: Start, ledger: SqliteLedger, file: Path, streams: str) -> None:
        writers = [start("appender.py", file, stream, 25) for stream in streams]
        printed = [_printed_rows(writer) for writer in writers]

        assert [len(rows) for rows in printed] == [50, 50, 50, 50]
        assert set.union(*printed) == {(row.position, row.hash) for row in ledger.log()}
        assert ledger.verify().events == 200


class TestTwoLedgersOfOneProcess:
    async def test_keep_every_event_while_another_process_writes(
        self, start: Start, ledger: SqliteLedger, file: Path
    ) -> None:
        second = SqliteLedger(file)
        rows = [*await ledger.append("a", 0, PAIR), *await second.append("b", 0, PAIR)]
        others = _printed_rows(start("appender.py", file, "c", 1))

        rows += [*await ledger.append("a", 2, PAIR), *await second.append("b", 2, PAIR)]
        second.close()

        assert {(row.position, row.hash) for row in rows} | others == {(it.position, it.hash) for it in ledger.log()}


class TestKilledProcess:
    def test_loses_no_printed_event(self, start: Start, ledger: SqliteLedger, file: Path) -> None:
        printed: set[tuple[int, str]] = set()
        for kill in range(20):
            writer = start("appender.py", file, "s", ENDLESS)
            assert writer.stdout is not None
            before = [writer.stdout.readline().split() for _ in range(1 + kill * 7 % 13)]
            writer.kill()
            printed |= _printed_rows(writer) | {(int(row[0]), row[1]) for row in before}

            verified = ledger.verify()
            assert verified.events % 2 == 0  # never half a batch

        assert printed <= {(row.position, row.hash) for row in ledger.log()}
