"""The endpoint of messages speaks as SQS, SNS and Service Bus do, to clients of AWS's SDK and to plain HTTP."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from semantest_iac.domain.messaging.message_filters import parse_filter
from semantest_iac.domain.messaging.messages import (
    HoldingRules,
    MessageHolder,
    MessageLimits,
    MessageRoute,
    route_to_holder,
)
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    DeployedMessaging,
    DeployedQueue,
    DeployedTopic,
)
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory
from semantest_iac.infrastructure.local_service.messaging.endpoint import create_messages_handler, serve_messages
from semantest_iac.infrastructure.message_store.messages import MessageStore

_ARN, _URL = "arn:aws:sqs:us-east-1:123456789012:", "https://sqs.us-east-1.amazonaws.com/123456789012/"
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
_BATCH = {"content-type": "application/vnd.microsoft.servicebus.json"}
_SETTINGS = {"region_name": "us-east-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}

Call = Callable[..., Any]


def _queue(name: str, **rules: Any) -> DeployedQueue:
    is_fifo = name.endswith(".fifo")
    holder = MessageHolder(f"{_ARN}{name}", "stack", HoldingRules(ordered=is_fifo, lifetime_s=345_600, **rules))
    route = route_to_holder(holder, duplicate_window_s=300 if is_fifo else 0)
    return DeployedQueue(name, f"{_URL}{name}", holder, route, needs_identifier=is_fifo)


def _bus_queue(name: str, *, ordered: bool = False) -> DeployedQueue:
    holder = MessageHolder(f"bus/{name}", "stack", HoldingRules(ordered=ordered))
    return DeployedQueue(name, f"space/{name}", holder, route_to_holder(holder, keeps_identifiers=True))


_ORDERS = _queue("orders", max_deliveries=2, dead_letters=f"{_ARN}dead")
_STEPS, _AUDIT, _BUS, _SESSIONS = (
    _queue("steps.fifo"),
    _queue("audit"),
    _bus_queue("bus"),
    _bus_queue("s", ordered=True),
)
_EVENTS = DeployedTopic(
    "events", _TOPIC, MessageRoute(_TOPIC, "stack", ((_AUDIT.holder, parse_filter({"total": {"min": 100}})),))
)


@pytest.fixture
def store(tmp_path: Path) -> MessageStore:
    return MessageStore(tmp_path, limits=MessageLimits(messages=20))


@pytest.fixture
async def url(store: MessageStore) -> AsyncIterator[str]:
    directory = MessagingDirectory()

    async def refresh() -> None:
        """What is deployed is found with the first request, as after a deployment."""
        directory.stacks = {"stack": DeployedMessaging([_ORDERS, _STEPS, _AUDIT, _BUS, _SESSIONS], [_EVENTS])}

    async with serve_messages(create_messages_handler(directory, store, refresh), 0) as address:
        yield address


@pytest.fixture
def sqs(url: str) -> Call:
    """Call an operation of SQS by boto3, in a thread."""
    return _make_caller("sqs", url)


@pytest.fixture
def sns(url: str) -> Call:
    """Call an operation of SNS by boto3, in a thread."""
    return _make_caller("sns", url)


def _make_caller(service: str, url: str) -> Call:
    client = boto3.client(service, endpoint_url=url, config=Config(retries={"max_attempts": 0}), **_SETTINGS)

    async def call(operation: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(getattr(client, operation), **arguments)

    return call


async def _post(url: str, body: Any, headers: Mapping[str, str] = _BATCH) -> tuple[int, str]:
    def send() -> tuple[int, str]:
        request = urllib.request.Request(url, json.dumps(body).encode(), dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(send)


class TestSqs:
    async def test_finds_queues_at_its_own_address(self, sqs: Call, url: str) -> None:
        """The JavaScript SDK sends to the host of a queue's address."""
        here = f"{url}{urlsplit(_URL).path}"
        assert (await sqs("get_queue_url", QueueName="orders"))["QueueUrl"] == f"{here}orders"
        assert (await sqs("list_queues", QueueNamePrefix="st"))["QueueUrls"] == [f"{here}steps.fifo"]

    async def test_takes_and_gives_messages(self, sqs: Call) -> None:
        attributes = {
            "kind": {"DataType": "String", "StringValue": "order.paid"},
            "total": {"DataType": "Number", "StringValue": "12.5"},
        }
        sent = await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="é", MessageAttributes=attributes)

        (message,) = (
            await sqs(
                "receive_message",
                QueueUrl=f"{_URL}orders",
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        )["Messages"]
        assert (message["MessageId"], message["Body"], message["MessageAttributes"]) == (
            sent["MessageId"],
            "é",
            attributes,
        )
        assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
        assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert message["Attributes"] == {"ApproximateReceiveCount": "1"}
        await sqs("delete_message", QueueUrl=f"{_URL}orders", ReceiptHandle=message["ReceiptHandle"])
        assert "Messages" not in await sqs("receive_message", QueueUrl=f"{_URL}orders")

    async def test_gives_back_what_is_not_wanted(self, sqs: Call) -> None:
        await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="1")
        for _ in range(2):
            (message,) = (await sqs("receive_message", QueueUrl=f"{_URL}orders"))["Messages"]
            receipt = message["ReceiptHandle"]
            await sqs("change_message_visibility", QueueUrl=f"{_URL}orders", ReceiptHandle=receipt, VisibilityTimeout=0)

        found = await sqs("get_queue_attributes", QueueUrl=f"{_URL}orders", AttributeNames=["All"])
        assert found["Attributes"]["ApproximateNumberOfMessages"] == "0"
        assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == 2

    async def test_waits_for_a_message(self, sqs: Call) -> None:
        waiting = asyncio.create_task(sqs("receive_message", QueueUrl=f"{_URL}orders", WaitTimeSeconds=20))
        await sqs("list_queues")
        await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="late")

        assert [it["Body"] for it in (await waiting)["Messages"]] == ["late"]

    async def test_does_batches(self, sqs: Call) -> None:
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(3)]
        sent = await sqs("send_message_batch", QueueUrl=f"{_URL}orders", Entries=entries)
        assert [it["Id"] for it in sent["Successful"]] == ["0", "1", "2"]

        received = (await sqs("receive_message", QueueUrl=f"{_URL}orders", MaxNumberOfMessages=10))["Messages"]
        handles = [{"Id": it["Body"], "ReceiptHandle": it["ReceiptHandle"]} for it in received]
        handles[0]["ReceiptHandle"] = "none"
        deleted = await sqs("delete_message_batch", QueueUrl=f"{_URL}orders", Entries=handles)
        assert [it["Code"] for it in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]
        assert len(deleted["Successful"]) == 2

    async def test_keeps_the_order_of_groups_and_drops_duplicates(self, sqs: Call) -> None:
        url = f"{_URL}steps.fifo"
        for body, identifier in (("1", "a"), ("1", "a"), ("2", "b")):
            await sqs(
                "send_message", QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=identifier
            )

        (first,) = (await sqs("receive_message", QueueUrl=url))["Messages"]
        assert "Messages" not in await sqs("receive_message", QueueUrl=url)
        await sqs("delete_message", QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
        assert [it["Body"] for it in (await sqs("receive_message", QueueUrl=url))["Messages"]] == ["2"]

    async def test_removes_all_messages(self, sqs: Call, store: MessageStore) -> None:
        await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="1")
        await sqs("purge_queue", QueueUrl=f"{_URL}orders")

        assert store.count(_ORDERS.holder).waiting == 0

    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("get_queue_url", {"QueueName": "none"}, _NO_QUEUE),
            (
                "send_message",
                {"QueueUrl": f"{_URL}none", "MessageBody": "x"},
                _NO_QUEUE,
            ),
            ("send_message", {"QueueUrl": f"{_URL}steps.fifo", "MessageBody": "x"}, "MissingParameter"),
            (
                "send_message",
                {"QueueUrl": f"{_URL}steps.fifo", "MessageBody": "x", "MessageGroupId": "g"},
                "InvalidParameterValue",
            ),
            ("send_message", {"QueueUrl": f"{_URL}orders", "MessageBody": "\x01"}, "InvalidMessageContents"),
            ("send_message", {"QueueUrl": f"{_URL}orders", "MessageBody": "x" * 300_000}, "InvalidParameterValue"),
            (
                "send_message",
                {"QueueUrl": f"{_URL}orders", "MessageBody": "x", "DelaySeconds": 901},
                "InvalidParameterValue",
            ),
            ("receive_message", {"QueueUrl": f"{_URL}orders", "MaxNumberOfMessages": 11}, "InvalidParameterValue"),
            ("delete_message", {"QueueUrl": f"{_URL}orders", "ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
            ("create_queue", {"QueueName": "new"}, "UnsupportedOperation"),
        ],
    )
    async def test_refuses_what_a_queue_does_not_take(
        self, sqs: Call, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(ClientError) as refused:
            await sqs(operation, **arguments)

        assert refused.value.response["Error"]["Code"] == code

    async def test_says_that_the_home_is_full(self, sqs: Call) -> None:
        for _ in range(20):
            await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="x")

        with pytest.raises(ClientError, match="keeps 20 messages"):
            await sqs("send_message", QueueUrl=f"{_URL}orders", MessageBody="x")


class TestSns:
    async def test_publishes_to_whoever_takes_it(self, sns: Call, store: MessageStore) -> None:
        for total in ("99", "100.5"):
            attributes = {"total": {"DataType": "Number", "StringValue": total}}
            await sns("publish", TopicArn=_TOPIC, Message=f"<{total}>", MessageAttributes=attributes)

        assert [it.body for it in store.receive(_AUDIT.holder, 10)] == ["<100.5>"]
        assert (await sns("list_topics"))["Topics"] == [{"TopicArn": _TOPIC}]

    async def test_publishes_batches(self, sns: Call, store: MessageStore) -> None:
        attributes = {"total": {"DataType": "Number", "StringValue": "100"}}
        entries: list[dict[str, Any]] = [
            {"Id": it, "Message": it, "MessageAttributes": attributes} for it in ("a", "b")
        ]
        entries.append(
            {"Id": "c", "Message": "c", "MessageAttributes": {"x": {"DataType": "Binary", "BinaryValue": b"1"}}}
        )
        answer = await sns("publish_batch", TopicArn=_TOPIC, PublishBatchRequestEntries=entries)

        assert [it["Id"] for it in answer["Successful"]] == ["a", "b"]
        assert [(it["Id"], it["Code"]) for it in answer["Failed"]] == [("c", "ParameterValueInvalid")]
        assert [it.body for it in store.receive(_AUDIT.holder, 10)] == ["a", "b"]

    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("publish", {"TopicArn": f"{_TOPIC}x", "Message": "x"}, "NotFound"),
            ("publish", {"TopicArn": _TOPIC, "Message": "x", "MessageStructure": "json"}, "InvalidParameter"),
            ("create_topic", {"Name": "new"}, "InvalidAction"),
        ],
    )
    async def test_refuses_what_a_topic_does_not_take(
        self, sns: Call, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(ClientError) as refused:
            await sns(operation, **arguments)

        assert refused.value.response["Error"]["Code"] == code


class TestBus:
    @pytest.mark.parametrize("path", ["space/bus", "bus"])
    async def test_takes_batches(self, url: str, store: MessageStore, path: str) -> None:
        batch = [{"Body": "1", "BrokerProperties": {"MessageId": "7"}, "UserProperties": {"total": 1.5}}, {"Body": "2"}]

        assert await _post(f"{url}/{path}/messages", batch) == (201, "")
        one, two = store.receive(_BUS.holder, 10)
        assert (one.id, one.body, one.attributes, two.body) == ("7", "1", {"total": 1.5}, "2")

    @pytest.mark.parametrize(
        ("path", "batch", "status", "reason"),
        [
            ("none", [], 404, "Known: space/bus, space/s."),
            ("s", [{"Body": "x"}], 400, "session id is null"),
            ("bus", {"Body": "x"}, 400, "no list of messages"),
            ("bus", [{"Body": "x", "BrokerProperties": {"TimeToLive": 1}}], 400, "Not simulated here: TimeToLive"),
            ("bus", [{"Body": "x", "UserProperties": {"a": True}}], 400, "neither text nor number"),
            ("bus", [{"Body": "x" * 300_000}], 413, "over 256 KB"),
        ],
    )
    async def test_refuses_what_it_does_not_take(
        self, url: str, path: str, batch: Any, status: int, reason: str
    ) -> None:
        answer = await _post(f"{url}/{path}/messages", batch)

        assert (answer[0], reason in answer[1]) == (status, True)

    async def test_takes_sessions(self, url: str, store: MessageStore) -> None:
        batch = [{"Body": "x", "BrokerProperties": {"SessionId": "g"}}]

        assert (await _post(f"{url}/space/s/messages", batch))[0] == 201
        assert [it.group for it in store.receive(_SESSIONS.holder, 1)] == ["g"]


class TestEndpoint:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"origin": "https://example.org"}, 403),
            ({"host": "example.org"}, 403),
            ({"content-type": "text/plain"}, 404),
        ],
        ids=["page", "name", "protocol"],
    )
    async def test_refuses_strangers(self, url: str, headers: dict[str, str], status: int) -> None:
        assert (await _post(f"{url}/", {}, headers))[0] == status
