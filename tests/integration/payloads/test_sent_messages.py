"""How handlers send to queues and topics, in both languages, against a server that records the requests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from semantest_iac.infrastructure.artifacts.layouts import MESSAGE_ADDITIONS, find_layout

_PYTHON = """
import json, sys
from semantest_send import message
arguments = json.load(sys.stdin)
try:
    print(message(arguments.pop("destination"), arguments.pop("body"), **arguments))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""
_NODE = """
const { message } = require('semantest-send')
const { destination, body, ...options } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
message(destination, body, options).then(console.log, (error) => console.log(`${error.name}: ${error.message}`))
"""
_SNS_ANSWER = "<PublishResponse><PublishResult><MessageId>sns-1</MessageId></PublishResult></PublishResponse>"

Send = Callable[..., str]


class _Server(ThreadingHTTPServer):
    """Answers as the three services do, and remembers the requests; the first `busy` ones get a 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.busy = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        if self.server.busy:
            self.server.busy -= 1
            self._answer(503, "")
        elif "x-amz-target" in headers:
            self._answer(200, json.dumps({"MessageId": "sqs-1"}))
        elif self.path.endswith("/messages"):
            self._answer(201, "")
        else:
            self._answer(200, _SNS_ANSWER)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["python", "nodejs"])
def language(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "nodejs" and shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    return name


@pytest.fixture
def send(language: str, tmp_path: Path) -> Send:
    """Send a message from a folder with the files of a package that sends messages."""
    layout = find_layout("aws", language).with_messages(MESSAGE_ADDITIONS["aws", language])
    for path, content in layout.generated_files(handler="app.handler").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    command = [sys.executable, "-c", _PYTHON] if language == "python" else [str(shutil.which("node")), "-e", _NODE]

    def send_message(environment: Mapping[str, str], **arguments: Any) -> str:
        written = json.dumps(arguments)
        done = subprocess.run(
            command,
            cwd=tmp_path,
            input=written,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    return send_message


def _aws(server: _Server, address: str) -> dict[str, str]:
    return {
        "SEMANTEST_SEND_ORDERS_QUEUE": address,
        "AWS_ENDPOINT_URL_SQS": server.url,
        "AWS_ENDPOINT_URL_SNS": server.url,
    }


_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
_ATTRIBUTES = {"kind": "order.paid", "total": 12.5}
_TYPED = {
    "kind": {"DataType": "String", "StringValue": "order.paid"},
    "total": {"DataType": "Number", "StringValue": "12.5"},
}


class TestMessage:
    def test_goes_to_a_queue(self, server: _Server, send: Send) -> None:
        sent = send(_aws(server, _QUEUE), destination="orders-queue", body={"a": 1}, attributes=_ATTRIBUTES)

        ((_, headers, body),) = server.requests
        call = json.loads(body)
        assert (sent, headers["x-amz-target"]) == ("sqs-1", "AmazonSQS.SendMessage")
        assert (call["QueueUrl"], json.loads(call["MessageBody"]), call["MessageAttributes"]) == (
            _QUEUE,
            {"a": 1},
            _TYPED,
        )
        assert "MessageGroupId" not in call

    def test_keeps_the_order_of_its_group(self, server: _Server, send: Send) -> None:
        send(_aws(server, f"{_QUEUE}.fifo"), destination="orders-queue", body="x", group="g", id="7")

        call = json.loads(server.requests[0][2])
        assert (call["MessageGroupId"], call["MessageDeduplicationId"]) == ("g", "7")

    def test_goes_to_a_topic(self, server: _Server, send: Send) -> None:
        arn = "arn:aws:sns:us-east-1:123456789012:events"
        sent = send(_aws(server, arn), destination="orders-queue", body="x", attributes=_ATTRIBUTES)

        form = {name: values[0] for name, values in parse_qs(server.requests[0][2]).items()}
        assert (sent, form["Action"], form["TopicArn"], form["Message"]) == ("sns-1", "Publish", arn, "x")
        assert form["MessageAttributes.entry.2.Name"] == "total"
        assert form["MessageAttributes.entry.2.Value.DataType"] == "Number"

    @pytest.mark.parametrize(("fragment", "group"), [("", None), ("#ordered", "7")])
    def test_goes_to_the_bus(self, server: _Server, send: Send, fragment: str, group: str | None) -> None:
        environment = {"SEMANTEST_SEND_ORDERS_QUEUE": f"{server.url}/orders-queue{fragment}"}
        sent = send(environment, destination="orders-queue", body="x", attributes=_ATTRIBUTES, id="7")

        ((path, headers, body),) = server.requests
        assert (sent, path) == ("7", "/orders-queue/messages")
        assert headers["content-type"] == "application/vnd.microsoft.servicebus.json"
        (message,) = json.loads(body)
        assert (message["Body"], message["UserProperties"]) == ("x", _ATTRIBUTES)
        assert (message["BrokerProperties"]["MessageId"], message["BrokerProperties"].get("SessionId")) == ("7", group)

    def test_is_sent_again_while_the_service_is_busy(self, server: _Server, send: Send) -> None:
        server.busy = 1

        assert send(_aws(server, _QUEUE), destination="orders-queue", body="x") == "sqs-1"
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ({"destination": "other"}, "does not send to 'other': name it in sends_to"),
            ({"attributes": {"Kind": "x"}}, "No attribute of a message: "),
            ({"attributes": {"kind": True}}, "No attribute of a message: "),
            ({"body": "x" * 250_000}, "The message has 250000 bytes"),
        ],
        ids=["unknown", "name", "value", "size"],
    )
    def test_that_nobody_takes_is_refused(
        self, server: _Server, send: Send, arguments: dict[str, Any], reason: str
    ) -> None:
        shown = send(_aws(server, _QUEUE), **{"destination": "orders-queue", "body": "x", **arguments})

        assert reason in shown
        assert server.requests == []
