"""Many WebSocket clients at once behind `serve`, beside a relay that keeps everything in one process: 10,000 messages,
half of them requests and half answers. The run fails unless every message arrives exactly once.

Seconds per message, from clients in one process of their own; `p95` is what a client waits for the answer to a request.
`SEMANTEST_CLIENTS` changes the number of clients."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.clients import measure_conversation
from benchmarks.gateway import COMMAND, REGIONS, bundled_stack, deploy, start_process

CLIENTS = int(os.environ.get("SEMANTEST_CLIENTS", "500"))
MESSAGES = 10_000


def rows() -> Iterator[dict[str, Any]]:
    """One row per cloud; a ratio under one says that ours is the faster."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as exits:
        deploy(Path(folder))
        _, first = exits.enter_context(start_process([*COMMAND, "serve", "--port", "0", "--json"], Path(folder)))
        _, port = exits.enter_context(start_process([sys.executable, "-m", "benchmarks.relay"], Path.cwd()))
        for provider in REGIONS:
            url = f"{json.loads(first)['url']}/{bundled_stack('websocket', provider)}/"
            yield measure_provider(provider, url, f"http://127.0.0.1:{int(port)}/")


def measure_provider(provider: str, url: str, relay_url: str) -> dict[str, Any]:
    ours, relay = measure_conversation(url, CLIENTS, MESSAGES), measure_conversation(relay_url, CLIENTS, MESSAGES)
    return {
        "what": f"{provider}: WebSocket message, {CLIENTS} clients, beside a relay",
        "ours": ours.each,
        "comparison": relay.each,
        "ratio": ours.each / relay.each,
        "p95": ours.p95,
        "n": ours.n,
    }


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
