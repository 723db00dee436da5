"""Clients of another make: the WebSocket that Node and browsers have."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.contract.web_sockets.clients import SECONDS
from tests.contract.web_sockets.places import SANDBOXED, House, Place

CONVERSATION = """
const { on, once } = require('node:events')

async function joined(clientType) {
  const socket = new WebSocket(process.argv[2])
  const messages = on(socket, 'message')
  const hear = async () => JSON.parse((await messages.next()).value[0].data)
  const say = (message) => socket.send(JSON.stringify(message))
  await once(socket, 'open')
  say({ type: 'authenticate', clientType })
  const heard = [(await hear()).type, (await hear()).type]
  return { socket, say, hear, heard }
}

async function conversation() {
  const [cli, extension] = [await joined('cli'), await joined('extension')]
  cli.say({ type: 'ImageGenerationRequestedEvent', requestId: 'r1', prompt: 'ein Füchslein 🦊' })
  const order = await extension.hear()
  extension.say({ type: 'image_generated', requestId: order.requestId, prompt: order.prompt })
  const answer = await cli.hear()
  extension.say({ type: 'ping', filling: 'x'.repeat(200 * 1024) })
  const [end] = await once(extension.socket, 'close')
  return { heard: cli.heard, order: order.type, answer, end: end.code }
}

conversation().then((told) => { console.log(JSON.stringify(told)); process.exit(0) })
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("place", SANDBOXED, ids=str, indirect=True)
class TestNode:
    async def test_lets_its_clients_talk(self, house: House, place: Place, tmp_path: Path) -> None:
        (tmp_path / "talk.js").write_text(CONVERSATION, encoding="utf-8")
        command = ("node", "--experimental-websocket", "--no-warnings", str(tmp_path / "talk.js"), house.url(place))
        pipe = asyncio.subprocess.PIPE
        node = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        out, errors = await asyncio.wait_for(node.communicate(), SECONDS)

        assert (node.returncode, errors) == (0, b"")
        assert json.loads(out) == {
            "heard": ["welcome", "authentication_success"],
            "order": "generate_image",
            "answer": {"type": "image_generated", "requestId": "r1", "prompt": "ein Füchslein 🦊"},
            "end": 1009,
        }
