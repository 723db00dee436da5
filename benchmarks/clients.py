"""Clients by the hundred, in one process of their own: requests, and Semantest's conversation over WebSockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import aiohttp

JOINING_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds per request or message over all, and what one in twenty waited longer for than."""

    each: float
    p95: float
    n: int


def requests(url: str, count: int, at_once: int) -> Load:
    """So many GETs; an answer that is none raises."""
    return asyncio.run(_requests(url, count, at_once))


def conversation(url: str, clients: int, messages: int) -> Load:
    """Half of the clients ask, the others answer; whoever hears anything but its answer raises."""
    return asyncio.run(_conversation(url, clients // 2, messages // clients))


async def _requests(url: str, count: int, at_once: int) -> Load:
    numbers, times = iter(range(count)), list[float]()
    async with _session() as session:
        began = time.perf_counter()
        await asyncio.gather(*(_ask_for(session, url, numbers, times) for _ in range(at_once)))
        seconds = time.perf_counter() - began
    return Load(seconds / count, _p95(times), count)


async def _ask_for(session: aiohttp.ClientSession, url: str, numbers: Iterator[int], times: list[float]) -> None:
    for _ in numbers:
        began = time.perf_counter()
        async with session.get(url) as response:
            await response.read()
            response.raise_for_status()
        times.append(time.perf_counter() - began)


async def _conversation(url: str, pairs: int, turns: int) -> Load:
    async with _session() as session:
        extensions, clients = await _joined(session, url, "extension", pairs), await _joined(session, url, "cli", pairs)
        answering = [asyncio.create_task(_answer(socket)) for socket in extensions]
        began = time.perf_counter()
        times = await asyncio.gather(*(_ask(str(number), socket, turns) for number, socket in enumerate(clients)))
        seconds = time.perf_counter() - began
        await asyncio.gather(*(socket.close() for socket in (*extensions, *clients)))
        await asyncio.gather(*answering)
    messages = 2 * pairs * turns
    return Load(seconds / messages, _p95([it for own in times for it in own]), messages)


async def _joined(session: aiohttp.ClientSession, url: str, kind: str, count: int) -> list[Any]:
    gate = asyncio.Semaphore(JOINING_AT_ONCE)

    async def join() -> Any:
        async with gate:
            socket = await session.ws_connect(url)
            await socket.send_json({"type": "authenticate", "clientType": kind})
            while (await socket.receive_json())["type"] != "authentication_success":
                pass
            return socket

    return await asyncio.gather(*(join() for _ in range(count)))


async def _answer(socket: Any) -> None:
    async for message in socket:
        request = json.loads(message.data)["requestId"]
        await socket.send_json({"type": "image_generated", "requestId": request})


async def _ask(name: str, socket: Any, turns: int) -> list[float]:
    times = []
    for turn in range(turns):
        began, request = time.perf_counter(), f"{name}-{turn}"
        await socket.send_json({"type": "ImageGenerationRequestedEvent", "requestId": request, "prompt": "a fox"})
        answer = await socket.receive_json()
        if (answer["type"], answer["requestId"]) != ("image_generated", request):
            raise RuntimeError(f"heard {answer} in the place of an answer")
        times.append(time.perf_counter() - began)
    return times


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
