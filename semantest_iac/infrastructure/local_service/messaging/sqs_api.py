"""Answers as SQS does in its JSON protocol, for the queues that are deployed in simulated clouds.

Source: the API reference of SQS, and its published service model for the names of errors.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from semantest_iac.domain.messaging.messages import DeliveredMessage, SentMessage
from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import LARGEST_QUEUED_BYTES, DeployedQueue
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory, find_newest
from semantest_iac.infrastructure.local_service.messaging.typed_attributes import (
    compute_attributes_digest,
    compute_body_digest,
    describe_typed_attributes,
    parse_typed_attributes,
)
from semantest_iac.infrastructure.message_store.messages import MessagesFullError, MessageStore, take_first

SQS_TARGET = "AmazonSQS."
_JSON = "application/x-amz-json-1.0"
_LONGEST_DELAY_S, _LONGEST_LOCK_S, _LONGEST_WAIT_S, _MOST_AT_ONCE = 900, 43_200, 20, 10
_RECEIPT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRY_ID = re.compile(r"[\w-]{1,80}")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Fields = Mapping[str, Any]


class SqsError(Exception):
    """A refusal: the name of its shape, the code of the older protocol, and the text."""

    def __init__(self, shape: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.shape, self.message, self.code = shape, message, code or shape


def _invalid(message: str) -> SqsError:
    return SqsError("InvalidParameterValueException", message, "InvalidParameterValue")


def _localize_urls(answer: Fields, request: LoopbackRequest) -> Fields:
    """Return the answer with the addresses of queues at the host that was asked: SDKs call the host of an address."""
    host = request.headers.get("host", "")
    local = {
        name: [f"http://{host}{urlsplit(it).path}" for it in answer[name]]
        if isinstance(answer[name], list)
        else f"http://{host}{urlsplit(answer[name]).path}"
        for name in ("QueueUrl", "QueueUrls")
        if host and name in answer
    }
    return {**answer, **local}


class SqsApi:
    """The operations with messages; creating and changing queues is left to deployments."""

    def __init__(self, directory: MessagingDirectory, store: MessageStore, refresh: Callable[[], Awaitable[None]]):
        self._directory = directory
        self._store = store
        self._refresh = refresh
        self._operations: Mapping[str, Callable[[Fields], Awaitable[Fields]]] = {
            "GetQueueUrl": self._get_queue_url,
            "ListQueues": self._list_queues,
            "GetQueueAttributes": self._get_attributes,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "PurgeQueue": self._purge,
        }

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        """Answer one request."""
        name = request.headers.get("x-amz-target", "").removeprefix(SQS_TARGET)
        try:
            operation = self._operations.get(name)
            if operation is None:
                known = ", ".join(self._operations)
                raise SqsError("UnsupportedOperation", f"{name} is not simulated here. These are: {known}.")
            return _respond(200, _localize_urls(await operation(_parse_fields(request.body)), request))
        except MessagesFullError as error:
            return _refuse(SqsError("OverLimit", f"{error.message} {error.hint}"))
        except SqsError as error:
            return _refuse(error)

    async def _find(self, fields: Fields) -> DeployedQueue:
        url = _require_text(fields, "QueueUrl")
        queue = await find_newest(lambda: self._directory.find_queue_by_path(url), self._refresh)
        return queue or _raise_missing_queue()

    async def _get_queue_url(self, fields: Fields) -> Fields:
        name = _require_text(fields, "QueueName")
        await self._refresh()
        queue = self._directory.find_queue(lambda it: "://" in it.address and it.address.rpartition("/")[2] == name)
        return {"QueueUrl": (queue or _raise_missing_queue()).address}

    async def _list_queues(self, fields: Fields) -> Fields:
        await self._refresh()
        prefix = str(fields.get("QueueNamePrefix") or "")
        urls = sorted(it.address for it in self._directory.list_queues() if "://" in it.address)
        found = [url for url in urls if url.rpartition("/")[2].startswith(prefix)]
        return {"QueueUrls": found} if found else {}

    async def _get_attributes(self, fields: Fields) -> Fields:
        queue = await self._find(fields)
        counts, rules = await asyncio.to_thread(self._store.count, queue.holder), queue.holder.rules
        redrive = {"deadLetterTargetArn": rules.dead_letters, "maxReceiveCount": rules.max_deliveries}
        known = {
            "QueueArn": queue.holder.key,
            "ApproximateNumberOfMessages": str(counts.waiting),
            "ApproximateNumberOfMessagesNotVisible": str(counts.locked),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            "VisibilityTimeout": str(int(rules.lock_s)),
            "MessageRetentionPeriod": str(int(rules.lifetime_s or 0)),
            "DelaySeconds": str(int(rules.delay_s)),
            "MaximumMessageSize": str(LARGEST_QUEUED_BYTES),
            "ReceiveMessageWaitTimeSeconds": "0",
            **({"RedrivePolicy": json.dumps(redrive)} if rules.dead_letters else {}),
            **({"FifoQueue": "true", "ContentBasedDeduplication": "false"} if rules.ordered else {}),
        }
        asked = fields.get("AttributeNames") or []
        if unknown := [it for it in asked if it != "All" and it not in known]:
            raise SqsError("InvalidAttributeName", f"Unknown Attribute {unknown[0]}.")
        return {"Attributes": known if "All" in asked else {it: known[it] for it in asked}}

    async def _send(self, fields: Fields) -> Fields:
        queue = await self._find(fields)
        message = _parse_message(queue, fields)
        route = queue.route or _raise_missing_queue()
        (id_,) = await asyncio.to_thread(self._store.send, route, [message])
        return _describe_sent(id_, message)

    async def _send_batch(self, fields: Fields) -> Fields:
        queue = await self._find(fields)

        async def send_entry(entry: Fields) -> Fields:
            message = _parse_message(queue, entry)
            (id_,) = await asyncio.to_thread(self._store.send, queue.route or _raise_missing_queue(), [message])
            return _describe_sent(id_, message)

        return await _do_each(fields, send_entry)

    async def _receive(self, fields: Fields) -> Fields:
        queue = await self._find(fields)
        most = _read_number(fields, "MaxNumberOfMessages", 1, 1, _MOST_AT_ONCE)
        lock_s = _read_number(fields, "VisibilityTimeout", None, 0, _LONGEST_LOCK_S)
        wait_s = _read_number(fields, "WaitTimeSeconds", 0, 0, _LONGEST_WAIT_S) or 0
        receive = partial(self._store.receive, queue.holder, most or 1, lock_s=lock_s)
        received = await take_first(receive, wait_s)
        return {"Messages": [_describe_received(it, fields) for it in received]} if received else {}

    async def _delete(self, fields: Fields) -> Fields:
        queue = await self._find(fields)
        await asyncio.to_thread(self._store.delete, queue.holder, [_require_receipt(fields)])
        return {}

    async def _delete_batch(self, fields: Fields) -> Fields:
        queue = await self._find(fields)

        async def delete_entry(entry: Fields) -> Fields:
            await asyncio.to_thread(self._store.delete, queue.holder, [_require_receipt(entry)])
            return {}

        return await _do_each(fields, delete_entry)

    async def _change_visibility(self, fields: Fields) -> Fields:
        return await self._change_lock(await self._find(fields), fields)

    async def _change_visibility_batch(self, fields: Fields) -> Fields:
        queue = await self._find(fields)

        async def change_entry(entry: Fields) -> Fields:
            return await self._change_lock(queue, entry)

        return await _do_each(fields, change_entry)

    async def _change_lock(self, queue: DeployedQueue, fields: Fields) -> Fields:
        receipt = _require_receipt(fields)
        seconds = _read_number(fields, "VisibilityTimeout", None, 0, _LONGEST_LOCK_S)
        if seconds is None:
            raise _missing("VisibilityTimeout")
        if not await asyncio.to_thread(self._store.change_lock, queue.holder, [receipt], seconds):
            reason = "Message does not exist or is not available for visibility timeout change."
            raise _invalid(f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: {reason}")
        return {}

    async def _purge(self, fields: Fields) -> Fields:
        queue = await self._find(fields)
        await asyncio.to_thread(self._store.purge, queue.holder)
        return {}


async def _do_each(fields: Fields, act: Callable[[Fields], Awaitable[Fields]]) -> Fields:
    """Do something with each entry of a batch; the failure of one is part of the answer."""
    entries = fields.get("Entries") or []
    prefix = "AWS.SimpleQueueService."
    if not entries:
        raise SqsError("EmptyBatchRequest", "There should be at least one entry.", f"{prefix}EmptyBatchRequest")
    if len(entries) > _MOST_AT_ONCE:
        message = f"Maximum number of entries per request are 10. You have sent {len(entries)}."
        raise SqsError("TooManyEntriesInBatchRequest", message, f"{prefix}TooManyEntriesInBatchRequest")
    ids = [str(it.get("Id", "")) for it in entries]
    if any(_ENTRY_ID.fullmatch(id_) is None for id_ in ids):
        message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
        raise SqsError("InvalidBatchEntryId", message, f"{prefix}InvalidBatchEntryId")
    if repeated := next((id_ for id_ in ids if ids.count(id_) > 1), None):
        message = f"Id {repeated} repeated."
        raise SqsError("BatchEntryIdsNotDistinct", message, f"{prefix}BatchEntryIdsNotDistinct")
    done: list[Fields] = []
    failed: list[Fields] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **await act(entry)})
        except SqsError as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
    return {"Successful": done, "Failed": failed}


def _parse_fields(body: bytes) -> Fields:
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise SqsError("SerializationException", "The body of the request is no JSON object.")
    return fields


def _parse_message(queue: DeployedQueue, fields: Fields) -> SentMessage:
    """Read a message; raises SqsError for what the queue does not take."""
    body = _require_text(fields, "MessageBody")
    if _FORBIDDEN.search(body):
        raise SqsError("InvalidMessageContents", "Invalid characters found.")
    try:
        attributes = parse_typed_attributes(fields.get("MessageAttributes") or {})
    except ValueError as error:
        raise _invalid(str(error)) from error
    delay = _read_number(fields, "DelaySeconds", None, 0, _LONGEST_DELAY_S)
    group, identifier = str(fields.get("MessageGroupId") or ""), str(fields.get("MessageDeduplicationId") or "")
    if queue.needs_group and not group:
        raise _missing("MessageGroupId")
    if queue.needs_identifier and not identifier:
        raise _invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly"
        )
    if (delay and queue.needs_group) or (identifier and not queue.needs_identifier):
        name, value = ("MessageDeduplicationId", identifier) if not queue.needs_group else ("DelaySeconds", delay)
        reason = "The request include parameter that is not valid for this queue type"
        raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")
    message = SentMessage(body, attributes, group, identifier, delay)
    if message.size > LARGEST_QUEUED_BYTES:
        reason = f"Message must be shorter than {LARGEST_QUEUED_BYTES} bytes."
        raise _invalid(f"One or more parameters are invalid. Reason: {reason}")
    return message


def _describe_sent(id_: str, message: SentMessage) -> Fields:
    typed = describe_typed_attributes(message.attributes)
    return {
        "MessageId": id_,
        "MD5OfMessageBody": compute_body_digest(message.body),
        **({"MD5OfMessageAttributes": compute_attributes_digest(typed)} if typed else {}),
    }


def _describe_received(message: DeliveredMessage, fields: Fields) -> Fields:
    asked = {*(fields.get("AttributeNames") or ()), *(fields.get("MessageSystemAttributeNames") or ())}
    system = {
        "ApproximateReceiveCount": str(message.deliveries),
        "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
        **({"MessageGroupId": message.group} if message.group else {}),
    }
    shown = {name: value for name, value in system.items() if name in asked or "All" in asked}
    patterns: Sequence[str] = fields.get("MessageAttributeNames") or ()
    typed = describe_typed_attributes(
        {name: value for name, value in message.attributes.items() if _is_asked_for(name, patterns)}
    )
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": compute_body_digest(message.body),
        **({"Attributes": shown} if shown else {}),
        **({"MessageAttributes": typed, "MD5OfMessageAttributes": compute_attributes_digest(typed)} if typed else {}),
    }


def _is_asked_for(name: str, patterns: Sequence[str]) -> bool:
    return any(it in ("All", name) or (it.endswith(".*") and name.startswith(it[:-2])) for it in patterns)


def _require_text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise _missing(name)
    return value


def _require_receipt(fields: Fields) -> str:
    receipt = _require_text(fields, "ReceiptHandle")
    if _RECEIPT.fullmatch(receipt) is None:
        raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{receipt[:200]}" is not a valid handle.')
    return receipt


def _read_number(fields: Fields, name: str, default: int | None, least: int, most: int) -> int | None:
    value = fields.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        reason = f"Must be between {least} and {most}, if provided."
        raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")
    return value


def _missing(name: str) -> SqsError:
    message = f"The request must contain the parameter {name}."
    return SqsError("MissingRequiredParameterException", message, "MissingParameter")


def _raise_missing_queue() -> Any:
    message, code = "The specified queue does not exist.", "AWS.SimpleQueueService.NonExistentQueue"
    raise SqsError("QueueDoesNotExist", message, code)


def _respond(status: int, fields: Fields, *headers: tuple[str, str]) -> HttpResponse:
    own = (("content-type", _JSON), ("x-amzn-requestid", str(uuid4())))
    return HttpResponse(status, (*own, *headers), json.dumps(fields).encode())


def _refuse(error: SqsError) -> HttpResponse:
    fields = {"__type": f"com.amazonaws.sqs#{error.shape}", "message": error.message}
    return _respond(400, fields, ("x-amzn-query-error", f"{error.code};Sender"))
