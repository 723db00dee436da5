"""A process that holds a stack until it is killed: `holder.py FOLDER STACK [SECONDS]`.

It prints its fence once it holds the stack. With SECONDS it also starts a child that inherits the lease and sleeps
that long, and prints the child's process id.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from semantest_iac.infrastructure.run_queue.lock_files import LockFileQueue


async def main(folder: str, stack: str, seconds: str = "") -> None:
    async with LockFileQueue(Path(folder)).hold(stack, deployment="held") as lease:
        child = ["sleep", seconds]
        inherits = subprocess.Popen(child, pass_fds=[lease.fileno()]) if seconds else None  # noqa: ASYNC220
        print(lease.fence, inherits.pid if inherits else 0, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
