"""Many clients in one process: HTTP requests, and Semantest's conversation over WebSockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import aiohttp

JOINING_AT_ONCE = 20
LONGEST_ANSWER_S = 60


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds per request or message overall, and the 95th percentile of what a client waits."""

    each: float
    p95: float
    n: int


def measure_requests(url: str, count: int, at_once: int) -> Load:
    """Send `count` GETs, `at_once` of them at a time; raises for an error status."""
    return asyncio.run(_run_requests(url, count, at_once))


def measure_conversation(url: str, clients: int, messages: int) -> Load:
    """Half of the clients send requests, the others answer; raises unless every message arrives exactly once."""
    return asyncio.run(_run_conversation(url, clients // 2, messages // clients))


async def _run_requests(url: str, count: int, at_once: int) -> Load:
    numbers, times = iter(range(count)), list[float]()
    async with _session() as session:
        began = time.perf_counter()
        await asyncio.gather(*(_send_requests(session, url, numbers, times) for _ in range(at_once)))
        seconds = time.perf_counter() - began
    return Load(seconds / count, _p95(times), count)


async def _send_requests(session: aiohttp.ClientSession, url: str, numbers: Iterator[int], times: list[float]) -> None:
    for _ in numbers:
        began = time.perf_counter()
        async with session.get(url) as response:
            await response.read()
            response.raise_for_status()
        times.append(time.perf_counter() - began)


async def _run_conversation(url: str, pairs: int, turns: int) -> Load:
    async with _session() as session:
        extensions, clients = (
            await _connect_clients(session, url, "extension", pairs),
            await _connect_clients(session, url, "cli", pairs),
        )
        received = Counter[str]()
        answering = [asyncio.create_task(_answer(socket, received)) for socket in extensions]
        began = time.perf_counter()
        times = await asyncio.gather(*(_ask(str(number), socket, turns) for number, socket in enumerate(clients)))
        seconds = time.perf_counter() - began
        await asyncio.gather(*(socket.close() for socket in (*extensions, *clients)))
        await asyncio.gather(*answering)
    if received != Counter(f"{number}-{turn}" for number in range(pairs) for turn in range(turns)):
        raise RuntimeError("a request was lost or arrived twice")
    messages = 2 * pairs * turns
    return Load(seconds / messages, _p95([it for own in times for it in own]), messages)


async def _connect_clients(session: aiohttp.ClientSession, url: str, kind: str, count: int) -> list[Any]:
    gate = asyncio.Semaphore(JOINING_AT_ONCE)

    async def join() -> Any:
        async with gate:
            socket = await session.ws_connect(url)
            await socket.send_json({"type": "authenticate", "clientType": kind})
            while (await socket.receive_json())["type"] != "authentication_success":
                pass
            return socket

    return await asyncio.gather(*(join() for _ in range(count)))


async def _answer(socket: Any, received: Counter[str]) -> None:
    async for message in socket:
        request = json.loads(message.data)["requestId"]
        received[request] += 1
        await socket.send_json({"type": "image_generated", "requestId": request})


async def _ask(name: str, socket: Any, turns: int) -> list[float]:
    times = []
    for turn in range(turns):
        began, request = time.perf_counter(), f"{name}-{turn}"
        await socket.send_json({"type": "ImageGenerationRequestedEvent", "requestId": request, "prompt": "a fox"})
        answer = await socket.receive_json(timeout=LONGEST_ANSWER_S)
        if (answer["type"], answer["requestId"]) != ("image_generated", request):
            raise RuntimeError(f"unexpected answer: {answer}")
        times.append(time.perf_counter() - began)
    return times


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
