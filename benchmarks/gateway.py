"""A Node server behind `serve`, beside plain node and beside a process per request; WebSocket clients that talk.

Seconds per request or message with as many at once as said, from clients in one process of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp

from semantest_iac.bootstrap import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest

REST, SOCKET = (
    Stack("rest-api", "aws", "development", "us-east-1"),
    Stack("websocket", "aws", "development", "us-east-1"),
)
REQUESTS, AT_ONCE, ALONE, PAIRS, ASKED = 2000, 16, 24, 20, 20
ROUNDS = 3
SERVER = """
require('node:http').createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ status: 'healthy', url: request.url }))
}).listen(process.env.PORT || 3000, '127.0.0.1', function () { console.log(this.address().port) })
"""
CONFIGURATION = """
components:
  rest-api: {source: service, entry: server.js, throttling: {rate: 1000000, burst: 1000000}}
  websocket: {throttling: {rate: 1000000, burst: 1000000}}
"""
COMMAND = (sys.executable, "-m", "semantest_iac")


@dataclass(frozen=True, slots=True)
class Load:
    """What a load of requests took: seconds per request over all, and what one in twenty was slower than."""

    each: float
    p95: float


def rows() -> list[dict[str, Any]]:
    """Ratios under one say that ours is the faster."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _prepare(place)
        with _serving(place) as url, _plain_node(place) as node:
            cold, warm = _starts(f"{url}/{REST}/health")
            loads = [(_load(f"{url}/{REST}/health"), _load(f"{node}/health")) for _ in range(ROUNDS)]
            talk = asyncio.run(_talk(f"{url}/{SOCKET}/"))
        alone = _process_per_request(place)
    ours, plain = (min((pair[side] for pair in loads), key=lambda load: load.each) for side in (0, 1))
    return [
        _row(f"GET, {AT_ONCE} at once, beside plain node", ours.each, plain.each, p95=ours.p95, n=REQUESTS),
        _row("the same, beside a process per request", ours.each, alone, n=ALONE),
        _row("first request (cold), beside a later one", cold, warm, n=1),
        {
            "what": f"WebSocket message, {PAIRS} pairs of clients",
            "ours": talk.each,
            "p95": talk.p95,
            "n": PAIRS * ASKED,
        },
    ]


def _row(what: str, ours: float, theirs: float, **more: Any) -> dict[str, Any]:
    return {"what": what, "ours": ours, "comparison": theirs, "ratio": ours / theirs, **more}


def _prepare(place: Path) -> None:
    (place / "service").mkdir()
    (place / "service" / "server.js").write_text(SERVER)
    (place / "semantest.yaml").write_text(CONFIGURATION)
    for component in ("rest-api", "websocket"):
        subprocess.run([*COMMAND, "deploy", "--component", component], cwd=place, check=True, capture_output=True)


@contextmanager
def _running(command: list[str], place: Path, **environment: str) -> Iterator[str]:
    """The first line that the command says; it is ended with the block."""
    settings = {**os.environ, **environment}
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, env=settings, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        reading = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield first
        process.terminate()
        reading.wait()


@contextmanager
def _serving(place: Path) -> Iterator[str]:
    with _running([*COMMAND, "serve", "--port", "0", "--json"], place) as first:
        yield json.loads(first)["url"]


@contextmanager
def _plain_node(place: Path) -> Iterator[str]:
    with _running(["node", "service/server.js"], place, PORT="0") as first:
        yield f"http://127.0.0.1:{int(first)}"


def _starts(url: str) -> tuple[float, float]:
    async def times() -> list[float]:
        async with aiohttp.ClientSession() as session:
            return [await _timed(session, url) for _ in range(21)]

    first, *later = asyncio.run(times())
    return first, median(later)


def _load(url: str) -> Load:
    async def ask() -> tuple[float, list[float]]:
        async with aiohttp.ClientSession() as session:
            return await _together(lambda: _timed(session, url), REQUESTS, AT_ONCE)

    seconds, times = asyncio.run(ask())
    return Load(seconds / REQUESTS, quantiles(times, n=20)[-1])


async def _timed(session: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with session.get(url) as response:
        await response.read()
        response.raise_for_status()
    return time.perf_counter() - began


async def _together(
    act: Callable[[], Coroutine[Any, Any, float]], count: int, at_once: int
) -> tuple[float, list[float]]:
    began, numbers, times = time.perf_counter(), iter(range(count)), list[float]()

    async def one() -> None:
        for _ in numbers:
            times.append(await act())

    await asyncio.gather(*(one() for _ in range(at_once)))
    return time.perf_counter() - began, times


def _process_per_request(place: Path) -> float:
    """What `invoke` does in its own process, without that process's start."""
    deployments = Application(place / ".semantest").deployments({})

    async def call() -> float:
        answer = await deployments.call(REST, HttpRequest("GET", "/health"))
        return answer.seconds

    seconds, _ = asyncio.run(_together(call, ALONE, 4))
    return seconds / ALONE


async def _talk(url: str) -> Load:
    """Each asks another one and is answered: two messages in and two out."""
    async with aiohttp.ClientSession() as session:
        extensions = [await _known(session, url, "extension") for _ in range(PAIRS)]
        clients = [await _known(session, url, "cli") for _ in range(PAIRS)]
        answering = [asyncio.create_task(_answer(socket)) for socket in extensions]
        began = time.perf_counter()
        times = await asyncio.gather(*(_ask(number, socket) for number, socket in enumerate(clients)))
        seconds = time.perf_counter() - began
        for socket in (*extensions, *clients):
            await socket.close()
        await asyncio.gather(*answering)
    return Load(seconds / (2 * PAIRS * ASKED), quantiles([it for own in times for it in own], n=20)[-1])


async def _known(session: aiohttp.ClientSession, url: str, kind: str) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(url)
    await socket.send_json({"type": "authenticate", "clientType": kind})
    while (await socket.receive_json())["type"] != "authentication_success":
        pass
    return socket


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for message in socket:
        request = json.loads(message.data)["requestId"]
        await socket.send_json({"type": "image_generated", "requestId": request})


async def _ask(number: int, socket: aiohttp.ClientWebSocketResponse) -> list[float]:
    times = []
    for turn in range(ASKED):
        began = time.perf_counter()
        await socket.send_json({"type": "ImageGenerationRequestedEvent", "requestId": f"{number}-{turn}", "prompt": ""})
        answer = await socket.receive_json()
        assert answer["type"] == "image_generated", answer
        times.append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
