"""The simplest server for Semantest's conversation: one process, everything in memory; prints its port."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from aiohttp import web

_extensions: list[web.WebSocketResponse] = []
_askers: dict[str, web.WebSocketResponse] = {}
_turns = itertools.count()


async def handle(request: web.Request) -> web.WebSocketResponse:
    """Serve one client until it disconnects."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        await _handle_message(socket, json.loads(message.data))
    if socket in _extensions:
        _extensions.remove(socket)
    return socket


async def _handle_message(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    if message["type"] == "authenticate":
        if message["clientType"] == "extension":
            _extensions.append(socket)
        await socket.send_json({"type": "authentication_success"})
    elif message["type"] == "image_generated":
        await _askers.pop(message["requestId"]).send_json(message)
    else:
        _askers[message["requestId"]] = socket
        await _extensions[next(_turns) % len(_extensions)].send_json({**message, "type": "generate_image"})


async def main() -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
