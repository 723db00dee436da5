"""A process that holds a stack until it is killed: `holder.py FOLDER STACK`. It prints a line once it does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from semantest_iac.infrastructure.stack_locks.lock_files import StackLockFiles


async def main(folder: str, stack: str) -> None:
    async with StackLockFiles(Path(folder)).hold(stack, deployment="held"):
        print("held", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
