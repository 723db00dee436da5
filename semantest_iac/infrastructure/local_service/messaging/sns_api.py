"""Answers as SNS does in its query protocol, for the topics that are deployed in simulated clouds.

Source: the API reference of SNS.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from semantest_iac.domain.messaging.messages import SentMessage
from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import LARGEST_QUEUED_BYTES, DeployedTopic
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory, find_newest
from semantest_iac.infrastructure.local_service.messaging.typed_attributes import parse_typed_attributes
from semantest_iac.infrastructure.message_store.messages import MessagesFullError, MessageStore

_MOST_AT_ONCE = 10
_ATTRIBUTE = re.compile(r"MessageAttributes\.entry\.(\d+)\.(?:(Name)|Value\.(\w+))")
_ENTRY = re.compile(r"PublishBatchRequestEntries\.member\.(\d+)\.(.+)")
_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"

Form = Mapping[str, str]


class SnsError(Exception):
    """A refusal: its code, text and status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class SnsApi:
    """The operations that publish; creating and changing topics is left to deployments."""

    def __init__(self, directory: MessagingDirectory, store: MessageStore, refresh: Callable[[], Awaitable[None]]):
        self._directory = directory
        self._store = store
        self._refresh = refresh
        self._actions: Mapping[str, Callable[[Form], Awaitable[str]]] = {
            "Publish": self._publish,
            "PublishBatch": self._publish_batch,
            "ListTopics": self._list_topics,
        }

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        """Answer one request, a form."""
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        name = form.get("Action", "")
        try:
            action = self._actions.get(name)
            if action is None:
                known = ", ".join(self._actions)
                raise SnsError("InvalidAction", f"{name[:80]} is not simulated here. These are: {known}.")
            return _respond(name, await action(form))
        except MessagesFullError as error:
            return _refuse(SnsError("Throttled", f"{error.message} {error.hint}", 429))
        except SnsError as error:
            return _refuse(error)

    async def _find(self, form: Form) -> DeployedTopic:
        arn = form.get("TopicArn") or form.get("TargetArn") or ""
        if not arn:
            raise _invalid("TopicArn or TargetArn Reason: no value for required parameter")
        topic = await find_newest(lambda: self._directory.find_topic(arn), self._refresh)
        if topic is None:
            raise SnsError("NotFound", "Topic does not exist", 404)
        return topic

    async def _publish(self, form: Form) -> str:
        topic = await self._find(form)
        return f"<MessageId>{await self._publish_one(topic, form)}</MessageId>"

    async def _publish_batch(self, form: Form) -> str:
        topic, entries = await self._find(form), dict(_split_entries(form))
        if not entries:
            raise SnsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
        if len(entries) > _MOST_AT_ONCE:
            raise SnsError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
        ids = [entry.get("Id", "") for entry in entries.values()]
        if len({*ids}) < len(ids):
            raise SnsError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
        done, failed = "", ""
        for entry in entries.values():
            id_ = f"<Id>{escape(entry.get('Id', ''))}</Id>"
            try:
                message_id = await self._publish_one(topic, entry)
                done += f"<member>{id_}<MessageId>{message_id}</MessageId></member>"
            except SnsError as error:
                text = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
                failed += f"<member>{id_}{text}<SenderFault>true</SenderFault></member>"
        return f"<Successful>{done}</Successful><Failed>{failed}</Failed>"

    async def _publish_one(self, topic: DeployedTopic, form: Form) -> str:
        message = _parse_published(topic, form)
        (id_,) = await asyncio.to_thread(self._store.send, topic.route, [message])
        return id_

    async def _list_topics(self, form: Form) -> str:
        await self._refresh()
        arns = sorted(it.address for it in self._directory.list_topics() if it.address.startswith("arn:"))
        return f"<Topics>{''.join(f'<member><TopicArn>{arn}</TopicArn></member>' for arn in arns)}</Topics>"


def _split_entries(form: Form) -> Iterator[tuple[int, dict[str, str]]]:
    entries: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        if match := _ENTRY.fullmatch(name):
            entries.setdefault(int(match[1]), {})[match[2]] = value
    yield from sorted(entries.items())


def _parse_published(topic: DeployedTopic, form: Form) -> SentMessage:
    """Read a message; raises SnsError for what the topic does not take."""
    if form.get("MessageStructure"):
        raise _invalid("MessageStructure Reason: it is not simulated here; send the message as it is to arrive")
    body, group = form.get("Message", ""), form.get("MessageGroupId", "")
    identifier = form.get("MessageDeduplicationId", "")
    if not body:
        raise _invalid("Empty message")
    if topic.needs_group and not group:
        raise _invalid("The MessageGroupId parameter is required for FIFO topics")
    if topic.needs_identifier and not identifier:
        raise _invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly"
        )
    if identifier and not topic.needs_identifier:
        raise _invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is"
            " not valid for this topic type"
        )
    try:
        message = SentMessage(body, parse_typed_attributes(_collect_attributes(form)), group, identifier)
    except ValueError as error:
        raise SnsError("ParameterValueInvalid", str(error)) from error
    if message.size > LARGEST_QUEUED_BYTES:
        raise _invalid("Message too long")
    return message


def _collect_attributes(form: Form) -> dict[str, dict[str, Any]]:
    """Return the attributes of a form by name, each with its type and value."""
    numbered: dict[str, dict[str, Any]] = {}
    for name, value in form.items():
        if match := _ATTRIBUTE.fullmatch(name):
            numbered.setdefault(match[1], {})[match[2] or match[3]] = value
    return {str(it.pop("Name", "")): it for it in numbered.values()}


def _invalid(reason: str) -> SnsError:
    return SnsError("InvalidParameter", f"Invalid parameter: {reason}")


def _respond(action: str, result: str) -> HttpResponse:
    metadata = f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
    text = f"<{action}Result>{result}</{action}Result>{metadata}"
    return _answer_xml(200, f'<{action}Response xmlns="{_NAMESPACE}">{text}</{action}Response>')


def _refuse(error: SnsError) -> HttpResponse:
    text = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    request = f"<RequestId>{uuid4()}</RequestId>"
    return _answer_xml(
        error.status, f'<ErrorResponse xmlns="{_NAMESPACE}"><Error>{text}</Error>{request}</ErrorResponse>'
    )


def _answer_xml(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, (("content-type", "text/xml"),), text.encode())
