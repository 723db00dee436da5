"""A process that appends to a ledger and prints what was recorded, one position and hash per line.

`appender.py FILE STREAM COUNT` appends COUNT batches of two events, each expecting the version it last read, and
repeats a batch after a conflict.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from semantest_iac.application.ports.ledger import LedgerConflictError, NewEvent, RecordedEvent
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

PAIR = [NewEvent("x", "{}"), NewEvent("y", "{}")]


async def append(ledger: SqliteLedger, stream: str) -> list[RecordedEvent]:
    while True:
        try:
            return await ledger.append(stream, len(ledger.stream(stream)), PAIR)
        except LedgerConflictError:
            continue


async def main(file: str, stream: str, count: str) -> None:
    ledger = SqliteLedger(Path(file))
    for _ in range(int(count)):
        for row in await append(ledger, stream):
            print(row.position, row.hash, flush=True)
    ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
