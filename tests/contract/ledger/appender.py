"""A process that appends beside a test: `appender.py LOCATION STREAM COUNT`; each event holds its own number."""

from __future__ import annotations

import asyncio
import sys

from semantest_iac.application.ports.ledger import LedgerConflictError, NewEvent
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from tests.run_queues import open_database


async def append(ledger: SqlLedger, stream: str, number: int) -> None:
    """Append one event, and try again as long as the database is away or busy."""
    while True:
        try:
            await ledger.append(stream, number, [NewEvent("x", f'{{"number":{number}}}')])
        except LedgerConflictError:  # the commit was lost with its answer, or not at all
            return
        except LedgerError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def main(location: str, stream: str, count: str) -> None:
    ledger = SqlLedger(open_database(location))
    for number in range(int(count)):
        await append(ledger, stream, number)
    ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
