"""A process beside the test: `submit` or `repeat LOCATION NAME COUNT` prints its receipts.

`produce LOCATION NAME COUNT` submits requests with so many producers until it is killed, and prints each accepted one.
`work LOCATION - SECONDS` prints `begun` when its run, of so many seconds, has begun, and `ended` when it has ended.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from dataclasses import asdict

from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.application.worker import Done, Worker
from tests.run_queues import QueueFixture, open_database

LEASE_S = 3.0


async def work(location: str, seconds: float) -> None:
    """Carry out one run with a short lease."""
    fixture = QueueFixture(open_database(location))

    async def advance(lease: RunLease) -> Done:
        print("begun", flush=True)
        await asyncio.sleep(seconds)
        print("ended", flush=True)
        return Done()

    await Worker(fixture.queue, advance, fixture.holder, lease_s=LEASE_S).run_next()


async def produce(location: str, name: str, producers: int) -> None:
    """Submit requests for stacks of their own; a line is printed once its request is accepted."""
    fixture, numbers = QueueFixture(open_database(location)), itertools.count()

    async def submit() -> None:
        for number in numbers:
            receipt = await fixture.submit(f"{name}-{number}", f"stack-{name}-{number}")
            print(receipt.deployment, flush=True)

    await asyncio.gather(*(submit() for _ in range(producers)))


async def main(task: str, location: str, name: str, count: str) -> None:
    """Submit requests of this process's own, or the same one again and again; or work."""
    if task == "work":
        await work(location, float(count))
        return
    if task == "produce":
        await produce(location, name, int(count))
        return
    fixture = QueueFixture(open_database(location))
    if task == "wake":
        print(json.dumps(await fixture.queue.wake(name)))
        return
    receipts = []
    for number in range(int(count)):
        key = {} if task == "submit" else {"key": "the same"}
        receipts.append(asdict(await fixture.submit(f"{name}-{number}", **key)))
    print(json.dumps(receipts))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
