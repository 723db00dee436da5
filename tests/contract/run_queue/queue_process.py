"""A process beside the test: `submit LOCATION NAME COUNT` or `repeat LOCATION NAME COUNT`; prints its receipts."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from tests.run_queues import QueueFixture, open_database


async def main(task: str, location: str, name: str, count: str) -> None:
    """Submit requests of this process's own, or the same one again and again."""
    fixture = QueueFixture(open_database(location))
    receipts = []
    for number in range(int(count)):
        key = {} if task == "submit" else {"key": "the same"}
        receipts.append(asdict(await fixture.submit(f"{name}-{number}", **key)))
    print(json.dumps(receipts))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
