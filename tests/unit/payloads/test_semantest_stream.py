"""Handlers that write to a stream, without Lambda's runtime and with what it provides."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS

CALL = """
RUNTIME
const { loadApplication } = require(process.argv[1])
const call = (form) => loadApplication({ handler: `index.${form}` }, process.cwd())
  .then((handle) => handle({}, {}))
  .catch((error) => error.message)
Promise.all(JSON.parse(process.argv[2]).map(call)).then((results) => console.log(JSON.stringify(results)))
"""
RUNTIME = """
const from = (stream, metadata) => {
  stream.setContentType('application/vnd.awslambda.http-integration-response')
  stream._onBeforeFirstWrite = (write) => { write(JSON.stringify(metadata)); write(new Uint8Array(8)) }
  return stream
}
const streamifyResponse = (handler) => {
  handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'response'
  return handler
}
globalThis.awslambda = { streamifyResponse, HttpResponseStream: { from } }
"""
"""What Lambda's runtime provides, as its source has it."""
WITH_METADATA = """
  const answer = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' }, cookies: ['c=1'] })
  answer.write('one ')
  answer.end('two')
"""
FORMS = {
    "metadata": (
        WITH_METADATA,
        {"statusCode": 201, "headers": {"a": "b"}, "cookies": ["c=1"], "body": "one two", "isBase64Encoded": False},
    ),
    "empty": (
        "awslambda.HttpResponseStream.from(stream, { statusCode: 304 }).end()",
        {"statusCode": 304, "body": "", "isBase64Encoded": False},
    ),
    "bytes": (
        "stream.setContentType('image/png'); stream.end(Buffer.from([0x89, 0xff]))",
        {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "if8=", "isBase64Encoded": True},
    ),
    "unended": ("stream.write('x')", "The handler returned before it ended its stream."),
}


@pytest.mark.parametrize("runtime", [RUNTIME, ""], ids=["on Lambda", "elsewhere"])
def test_a_stream_is_answered_as_a_whole(tmp_path: Path, runtime: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on the PATH")
    handler = "exports.{} = awslambda.streamifyResponse(async (event, stream, context) => {{ {} }})\n"
    (tmp_path / "index.js").write_text("".join(handler.format(form, body) for form, (body, _) in FORMS.items()))
    module = str(Path(PAYLOADS) / "node_shim" / "semantest_application.cjs")
    command = [node, "-e", CALL.replace("RUNTIME", runtime), module, json.dumps([*FORMS])]

    results: Any = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)

    assert results == [expected for _, expected in FORMS.values()]
