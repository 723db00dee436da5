"""How handlers send to queues and topics, in both languages, against a server that records the requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.artifacts.layouts import MESSAGE_ADDITIONS, find_layout
from tests.integration.payloads.conftest import run_script, write_package
from tests.webhook_receiver import ReceivedRequest, ThreadedReceiver

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
_SCRIPTS = {"python": _PYTHON, "nodejs": _NODE}
_SNS_ANSWER = b"<PublishResponse><PublishResult><MessageId>sns-1</MessageId></PublishResult></PublishResponse>"

Send = Callable[..., str]


class _Services:
    """Answers as the three services do; the first `busy` requests get a 503."""

    def __init__(self, receiver: ThreadedReceiver) -> None:
        self.url = receiver.url
        self.busy = 0
        self._receiver = receiver
        receiver.answer = self._answer

    @property
    def requests(self) -> list[tuple[str, Mapping[str, str], str]]:
        """The paths, headers and bodies that arrived."""
        return [(it.path, it.headers, it.body.decode()) for it in self._receiver.received]

    def _answer(self, request: ReceivedRequest) -> HttpResponse:
        if self.busy:
            self.busy -= 1
            return HttpResponse(503)
        if "x-amz-target" in request.headers:
            return HttpResponse(200, body=json.dumps({"MessageId": "sqs-1"}).encode())
        return HttpResponse(201) if request.path.endswith("/messages") else HttpResponse(200, body=_SNS_ANSWER)


@pytest.fixture
def server(receiver: ThreadedReceiver) -> _Services:
    return _Services(receiver)


@pytest.fixture
def send(language: str, tmp_path: Path) -> Send:
    """Send a message from a folder with the files of a package that sends messages."""
    write_package(find_layout("aws", language).with_messages(MESSAGE_ADDITIONS["aws", language]), tmp_path)

    def send_message(environment: Mapping[str, str], **arguments: Any) -> str:
        return run_script(language, _SCRIPTS[language], tmp_path, environment, arguments)

    return send_message


def _aws(server: _Services, address: str) -> dict[str, str]:
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
    def test_goes_to_a_queue(self, server: _Services, send: Send) -> None:
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

    def test_keeps_the_order_of_its_group(self, server: _Services, send: Send) -> None:
        send(_aws(server, f"{_QUEUE}.fifo"), destination="orders-queue", body="x", group="g", id="7")

        call = json.loads(server.requests[0][2])
        assert (call["MessageGroupId"], call["MessageDeduplicationId"]) == ("g", "7")

    def test_goes_to_a_topic(self, server: _Services, send: Send) -> None:
        arn = "arn:aws:sns:us-east-1:123456789012:events"
        sent = send(_aws(server, arn), destination="orders-queue", body="x", attributes=_ATTRIBUTES)

        form = {name: values[0] for name, values in parse_qs(server.requests[0][2]).items()}
        assert (sent, form["Action"], form["TopicArn"], form["Message"]) == ("sns-1", "Publish", arn, "x")
        assert form["MessageAttributes.entry.2.Name"] == "total"
        assert form["MessageAttributes.entry.2.Value.DataType"] == "Number"

    @pytest.mark.parametrize(("fragment", "group"), [("", None), ("#ordered", "7")])
    def test_goes_to_the_bus(self, server: _Services, send: Send, fragment: str, group: str | None) -> None:
        environment = {"SEMANTEST_SEND_ORDERS_QUEUE": f"{server.url}/orders-queue{fragment}"}
        sent = send(environment, destination="orders-queue", body="x", attributes=_ATTRIBUTES, id="7")

        ((path, headers, body),) = server.requests
        assert (sent, path) == ("7", "/orders-queue/messages")
        assert headers["content-type"] == "application/vnd.microsoft.servicebus.json"
        (message,) = json.loads(body)
        assert (message["Body"], message["UserProperties"]) == ("x", _ATTRIBUTES)
        assert (message["BrokerProperties"]["MessageId"], message["BrokerProperties"].get("SessionId")) == ("7", group)

    def test_is_sent_again_while_the_service_is_busy(self, server: _Services, send: Send) -> None:
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
        self, server: _Services, send: Send, arguments: dict[str, Any], reason: str
    ) -> None:
        shown = send(_aws(server, _QUEUE), **{"destination": "orders-queue", "body": "x", **arguments})

        assert reason in shown
        assert server.requests == []
