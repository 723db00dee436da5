"""Clients with the WebSocket of Node and browsers."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.contract.web_sockets.clients import TIMEOUT_S
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS, Deployments, StackVariant

CONVERSATION = """
const { on, once } = require('node:events')

async function join(clientType) {
  const socket = new WebSocket(process.argv[2])
  const messages = on(socket, 'message')
  const receive = async () => JSON.parse((await messages.next()).value[0].data)
  const send = (message) => socket.send(JSON.stringify(message))
  await once(socket, 'open')
  send({ type: 'authenticate', clientType })
  const types = [(await receive()).type, (await receive()).type]
  return { socket, send, receive, types }
}

async function conversation() {
  const [cli, extension] = [await join('cli'), await join('extension')]
  cli.send({ type: 'ImageGenerationRequestedEvent', requestId: 'r1', prompt: 'ein Füchslein 🦊' })
  const request = await extension.receive()
  extension.send({ type: 'image_generated', requestId: request.requestId, prompt: request.prompt })
  const answer = await cli.receive()
  extension.send({ type: 'ping', filling: 'x'.repeat(2 * 1024 * 1024) })
  const [end] = await once(extension.socket, 'close')
  return { types: cli.types, request: request.type, answer, code: end.code }
}

conversation().then((result) => { console.log(JSON.stringify(result)); process.exit(0) })
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)
class TestNode:
    async def test_has_working_clients(self, deployments: Deployments, variant: StackVariant, tmp_path: Path) -> None:
        (tmp_path / "talk.js").write_text(CONVERSATION, encoding="utf-8")
        command = (
            "node",
            "--experimental-websocket",
            "--no-warnings",
            str(tmp_path / "talk.js"),
            deployments.url(variant),
        )
        pipe = asyncio.subprocess.PIPE
        node = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        out, errors = await asyncio.wait_for(node.communicate(), TIMEOUT_S)

        assert (node.returncode, errors) == (0, b"")
        assert json.loads(out) == {
            "types": ["welcome", "authentication_success"],
            "request": "generate_image",
            "answer": {"type": "image_generated", "requestId": "r1", "prompt": "ein Füchslein 🦊"},
            "code": 1009,
        }
