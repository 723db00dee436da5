"""A process that meets an obstacle while it appends: `obstacles.py disk_full|read_only FILE`.

`disk_full`: no file may grow for a while. `read_only`: the process gives up its rights to the file.
It prints the code of its error, then the number of recorded events.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

NOBODY = 65534
LARGE = NewEvent("x", '{"text": "' + "x" * 100_000 + '"}')
SMALL = NewEvent("x", "{}")


async def append_and_report(ledger: SqliteLedger, event: NewEvent) -> str:
    """Return the error code of an append, `none` if it succeeded."""
    try:
        await ledger.append("s", None, [event])
    except LedgerError as error:
        return error.error_code
    return "none"


async def disk_full(file: Path) -> None:
    """Append within a file size limit, then without it."""
    ledger = SqliteLedger(file)
    await append_and_report(ledger, SMALL)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, unlimited[1]))
    print(await append_and_report(ledger, LARGE), len(ledger.stream("s")))
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    print(await append_and_report(ledger, SMALL), ledger.verify().events)


def drop_write_access(file: Path) -> None:
    """Make the file and its folder read-only, and drop root's rights."""
    file.chmod(0o444)
    file.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(NOBODY)


async def read_only(file: Path) -> None:
    ledger = SqliteLedger(file)
    await append_and_report(ledger, SMALL)
    ledger.verify()  # imports what it needs: the interpreter's own folder may be closed to others
    ledger.close()
    drop_write_access(file)
    print(await append_and_report(ledger, SMALL), ledger.verify().events)


if __name__ == "__main__":
    asyncio.run({"disk_full": disk_full, "read_only": read_only}[sys.argv[1]](Path(sys.argv[2])))
