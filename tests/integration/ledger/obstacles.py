"""A process that meets an obstacle while it appends: `obstacles.py full|foreign FILE`.

`full`: no file may grow any more for a while. `foreign`: the process gives up its rights to the file.
It prints the code of the error that it met, then how many events there are in the end."""

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


async def met(ledger: SqliteLedger, event: NewEvent) -> str:
    """The code of the error of an append."""
    try:
        await ledger.append("s", None, [event])
    except LedgerError as error:
        return error.error_code
    return "none"


async def full(file: Path) -> None:
    """Append within a file size limit, then without it."""
    ledger = SqliteLedger(file)
    await met(ledger, SMALL)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, unlimited[1]))
    print(await met(ledger, LARGE), len(ledger.stream("s")))
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    print(await met(ledger, SMALL), ledger.verify().events)


def give_up_rights(file: Path) -> None:
    """Leave the file and its folder readable and nothing more."""
    file.chmod(0o444)
    file.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(NOBODY)


async def foreign(file: Path) -> None:
    """Append as somebody who may read the file only; everything else is allowed to the system's owner."""
    ledger = SqliteLedger(file)
    await met(ledger, SMALL)
    ledger.close()
    give_up_rights(file)
    print(await met(ledger, SMALL), ledger.verify().events)


if __name__ == "__main__":
    asyncio.run({"full": full, "foreign": foreign}[sys.argv[1]](Path(sys.argv[2])))
