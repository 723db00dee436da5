"""Deployed services behind `serve`: a Node server beside plain node and beside a process per request, the bundled
services of both clouds, and WebSocket clients beside a relay that keeps everything in one process.

Seconds per request or message, from clients in one process of their own; `p95` is what a client waits, for a message
until its answer. Every answer was correct.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clients import Load, measure_conversation, measure_requests
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest

NODE = Stack("rest-api", "aws", "development", "us-west-2")
REGIONS = {"aws": "us-east-1", "azure": "eastus"}
REQUESTS, AT_ONCE, ROUNDS, ALONE = 2000, 50, 3, 24
MESSAGES_BY_CLIENTS = {20: 1000, 100: 2000}  # more clients: the area load
SERVER = """
require('node:http').createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ status: 'healthy', url: request.url }))
}).listen(process.env.PORT || 3000, '127.0.0.1', function () { console.log(this.address().port) })
"""
CONFIGURATION = """
components:
  rest-api: {throttling: {rate: 1000000, burst: 1000000}}
  websocket: {throttling: {rate: 1000000, burst: 1000000}}
"""
REMARK = """\
Beside plain node, a server that only answers a constant shows the cost of the whole path: reading and writing HTTP in
Python, building an event, a line of JSON to a process and back, and an HTTP request there. Semantest's own REST server,
which does more work, has 0.16 to 0.35 of its throughput under plain node (six turns). A WebSocket message costs its
function three to six calls to a table and to the connections, as on its cloud; the relay has both in memory."""
COMMAND = (sys.executable, "-m", "semantest_iac")
Row = dict[str, Any]


def rows() -> list[Row]:
    """Measure everything; a ratio under 1 means that this tool is faster."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as exits:
        place = Path(folder)
        deploy(place)
        first = exits.enter_context(start_process([*COMMAND, "serve", "--port", "0", "--json"], place))
        gateway, url = first[0], json.loads(first[1])["url"]
        node, port = exits.enter_context(start_process(["node", "service/server.js"], place, PORT="0"))
        _, relay = exits.enter_context(start_process([sys.executable, "-m", "benchmarks.relay"], Path.cwd()))
        own = f"http://127.0.0.1:{int(relay)}/"
        return [
            *_cold_start_rows(url),
            *_node_rows(url, gateway, f"http://127.0.0.1:{int(port)}", node, _process_per_request(place)),
            *_bundled_service_rows(url),
            *(
                row
                for provider in REGIONS
                for row in _web_socket_rows(f"{url}/{bundled_stack('websocket', provider)}/", provider, own)
            ),
        ]


def _cold_start_rows(url: str) -> Iterator[Row]:
    for stack in (NODE, *(bundled_stack("rest-api", provider) for provider in REGIONS)):
        first, *later = (measure_requests(f"{url}/{stack}/health", 2, 1).each for _ in range(21))
        what = "Node" if stack == NODE else "Python"
        yield _row(f"{stack.provider}, {what}: first request (cold), beside a later one", 2 * first, median(later), 1)


def _node_rows(url: str, gateway: int, node_url: str, node: int, alone: float) -> Iterator[Row]:
    places = {f"{url}/{NODE}/health": gateway, f"{node_url}/health": node}
    spent = {place: _processor_times(pid) for place, pid in places.items()}
    loads: dict[str, list[Load]] = {place: [] for place in places}
    for _ in range(ROUNDS):
        for place, found in loads.items():
            found.append(measure_requests(place, REQUESTS, AT_ONCE))
    ours, plain = (min(found, key=lambda load: load.each) for found in loads.values())
    what = f"aws: GET of a Node server, {AT_ONCE} at once"
    yield _row(f"{what}, beside plain node", ours.each, plain.each, REQUESTS, p95=ours.p95)
    yield _row(f"{what}, beside a process per request", ours.each, alone, ALONE)
    own, plain_times = (_seconds_per_request(spent[place], _processor_times(pid)) for place, pid in places.items())
    beside = "beside plain node's for the same"
    yield _row(f"processor time of such a request in the gateway, {beside}", own[0], plain_times[0], REQUESTS)
    yield _row(f"the same in the function's processes, {beside}", own[1], plain_times[0], REQUESTS)


def _bundled_service_rows(url: str) -> Iterator[Row]:
    aws, azure = (
        measure_requests(f"{url}/{bundled_stack('rest-api', provider)}/health", REQUESTS, AT_ONCE)
        for provider in REGIONS
    )
    what = f"azure: GET of the bundled service, {AT_ONCE} at once, beside aws"
    yield _row(what, azure.each, aws.each, REQUESTS, p95=azure.p95)


def _web_socket_rows(url: str, provider: str, relay: str) -> Iterator[Row]:
    for clients, messages in MESSAGES_BY_CLIENTS.items():
        place = f"{url}/{bundled_stack('websocket', provider)}/"
        ours, plain = measure_conversation(place, clients, messages), measure_conversation(relay, clients, messages)
        what = f"{provider}: WebSocket message, {clients} clients, beside a relay"
        yield _row(what, ours.each, plain.each, ours.n, p95=ours.p95)


def _row(what: str, ours: float, theirs: float, n: int, **more: Any) -> Row:
    return {"what": what, "ours": ours, "comparison": theirs, "ratio": ours / theirs, "p95": "", **more, "n": n}


def bundled_stack(component: str, provider: str) -> Stack:
    """The stack of a bundled service."""
    return Stack(component, provider, "development", REGIONS[provider])


def deploy(place: Path) -> None:
    """Deploy the Node server on AWS, and the bundled services on both clouds."""
    (place / "service").mkdir()
    (place / "service" / "server.js").write_text(SERVER)
    (place / "semantest.yaml").write_text(CONFIGURATION)
    settings = ("source=service", "entry=server.js")
    server = [part for each in settings for part in ("--set", f"components.rest-api.{each}")]
    both = [part for provider in REGIONS for part in ("--provider", provider)]
    for arguments in (
        ["--component", "rest-api", "--provider", NODE.provider, "--region", NODE.region, *server],
        ["--component", "rest-api", "--component", "websocket", *both],
    ):
        subprocess.run([*COMMAND, "deploy", *arguments], cwd=place, check=True, capture_output=True)


@contextmanager
def start_process(command: Sequence[str], place: Path, **environment: str) -> Iterator[tuple[int, str]]:
    """Start a process and give its id and its first line; it is terminated at the end of the block."""
    settings = {**os.environ, **environment}
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, env=settings, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        reading = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield process.pid, first
        process.terminate()
        reading.wait()


def _process_per_request(place: Path) -> float:
    """The seconds of `invoke` without the start of its process."""
    deployments = Application(place / ".semantest").deployments({})

    async def call() -> float:
        return (await deployments.call(NODE, HttpRequest("GET", "/health"))).seconds

    return median(asyncio.run(call()) for _ in range(ALONE))


def _processor_times(pid: int) -> tuple[float, float]:
    """Processor seconds of a process and of its living descendants."""
    processes = {int(path.name): _stat(path) for path in Path("/proc").glob("[0-9]*")}
    descendants = [child for child in processes if pid in _ancestors(child, processes)]
    return processes[pid][1], sum(processes[child][1] for child in descendants)


def _stat(path: Path) -> tuple[int, float]:
    """The parent and the processor seconds of a process; zeros if it has just ended."""
    try:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ancestors(pid: int, processes: dict[int, tuple[int, float]]) -> Iterator[int]:
    while pid := processes.get(pid, (0, 0.0))[0]:
        yield pid


def _seconds_per_request(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    """Processor seconds per request of all rounds."""
    own, descendants = ((now - then) / (ROUNDS * REQUESTS) for then, now in zip(before, after, strict=True))
    return own, descendants


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
