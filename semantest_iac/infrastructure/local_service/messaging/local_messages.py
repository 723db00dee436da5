"""Sends and receives messages for whoever types a command, with or without a running `serve`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from semantest_iac.application.ports.local_messages import MessageReceipts, ReceivedMessages
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, NotFoundError, RefusedError
from semantest_iac.domain.messaging.messages import MessageRoute, SentMessage
from semantest_iac.infrastructure.local_service.messaging.deliveries import MessagingSource, read_messaging
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    LARGEST_QUEUED_BYTES,
    DeployedMessaging,
    DeployedQueue,
    DeployedTopic,
)
from semantest_iac.infrastructure.message_store.messages import MessageStore, take_first

_Found = TypeVar("_Found", DeployedQueue, DeployedTopic)


class StoredMessages:
    """The LocalMessages of one home; what is deployed is read from the stacks' own state."""

    def __init__(self, find_source: Callable[[Stack], MessagingSource], store: MessageStore) -> None:
        self._find_source = find_source
        self._store = store
        self._holders: dict[tuple[str, str], DeployedQueue] = {}

    async def send(
        self, stacks: Collection[str], messages: Sequence[SentMessage], *, queue: str = "", topic: str = ""
    ) -> MessageReceipts:
        """Send messages to the queue or topic of that name."""
        deployed = await self._read_all(stacks)
        if topic:
            stack, found_topic = _choose("topic", topic, _list_topics(deployed))
            faults = _find_faults(found_topic, messages, takes_delay=False)
            functions = [it.function.name for it in deployed[stack].queue_triggers if it.queue.topic == topic]
            return await self._send(stack, found_topic, found_topic.route, messages, faults, functions)
        stack, found = _choose("queue", queue, _list_queues(deployed))
        if found.route is None:
            hint = f"Send to its topic: --topic {found.topic}." if found.topic else ""
            raise RefusedError(f"Cannot send to '{queue}': nobody sends to it directly.", "NO_DESTINATION", hint=hint)
        faults = _find_faults(found, messages, takes_delay=not found.needs_identifier)
        return await self._send(stack, found, found.route, messages, faults, _list_functions(deployed[stack], found))

    async def _send(
        self,
        stack: str,
        destination: DeployedQueue | DeployedTopic,
        route: MessageRoute,
        messages: Sequence[SentMessage],
        faults: Sequence[Fault],
        functions: Sequence[str],
    ) -> MessageReceipts:
        if faults:
            raise RefusedError(f"Cannot send to '{destination.name}'.", "MESSAGE_REFUSED", faults=faults)
        complete = [_add_identifier(destination, it) for it in messages]
        ids = await asyncio.to_thread(self._store.send, route, complete)
        return MessageReceipts(stack, destination.name, ids, functions)

    async def receive(
        self, stacks: Collection[str], queue: str, *, most: int, wait_s: float, keeps: bool, dead_letters: bool
    ) -> ReceivedMessages:
        """Receive messages, waiting for the first one."""
        deployed = await self._read_all(stacks)
        stack, found = _choose("queue", queue, _list_queues(deployed))
        if dead_letters:
            if found.dead_letters is None:
                raise RefusedError(f"Cannot receive: '{queue}' has no dead letters.", "NO_DEAD_LETTERS")
            self._store.receive(found.holder, 0)  # moves what was tried too often and is not moved yet
            found = found.dead_letters
        take = partial(self._store.peek if keeps else self._store.receive, found.holder, most)
        messages = await take_first(take, wait_s)
        self._holders[stack, found.name] = found
        left = await asyncio.to_thread(self._store.count, found.holder)
        left = left if keeps else replace(left, locked=max(0, left.locked - len(messages)))
        return ReceivedMessages(stack, found.name, messages, left, _list_functions(deployed[stack], found))

    async def delete(self, received: ReceivedMessages) -> None:
        """Remove what was received."""
        holder = self._holders[received.stack, received.queue].holder
        await asyncio.to_thread(self._store.delete, holder, [it.receipt for it in received.messages])

    async def _read_all(self, stacks: Collection[str]) -> Mapping[str, DeployedMessaging]:
        parsed = [Stack.parse(name) for name in stacks]
        return {str(stack): await read_messaging(stack, self._find_source(stack)) for stack in parsed}


def _list_queues(deployed: Mapping[str, DeployedMessaging]) -> Iterator[tuple[str, DeployedQueue]]:
    for stack, messaging in deployed.items():
        for queue in messaging.list_holders():
            yield stack, queue


def _list_topics(deployed: Mapping[str, DeployedMessaging]) -> Iterator[tuple[str, DeployedTopic]]:
    for stack, messaging in deployed.items():
        for topic in messaging.topics:
            yield stack, topic


def _list_functions(messaging: DeployedMessaging, queue: DeployedQueue) -> list[str]:
    return [it.function.name for it in messaging.queue_triggers if it.queue.holder.key == queue.holder.key]


def _choose(kind: str, name: str, candidates: Iterator[tuple[str, _Found]]) -> tuple[str, _Found]:
    """Return the only one of that name; `<topic>/<name>` names a subscription, too."""
    known = list(candidates)
    fitting = [(stack, it) for stack, it in known if name in _list_names(it)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        faults = [Fault(kind, f"{_list_names(it)[-1]} of {stack}") for stack, it in fitting]
        hint = "Name the stack with --component, --provider, --env or --region, and a subscription as TOPIC/NAME."
        raise NotFoundError(f"Cannot choose: {len(fitting)} {kind}s are named '{name}'.", hint=hint, faults=faults)
    names = sorted({_list_names(it)[0] for _, it in known})
    nearest = get_close_matches(name, names, 1)
    hint = f"Did you mean '{nearest[0]}'?" if nearest else f"Known: {', '.join(names) or 'none'}."
    raise NotFoundError(f"There is no {kind} '{name[:200]}' in a simulated cloud here.", hint=hint)


def _list_names(found: DeployedQueue | DeployedTopic) -> tuple[str, ...]:
    topic = found.topic if isinstance(found, DeployedQueue) else ""
    return (found.name, f"{topic}/{found.name}") if topic else (found.name,)


def _find_faults(
    destination: DeployedQueue | DeployedTopic, messages: Sequence[SentMessage], *, takes_delay: bool
) -> list[Fault]:
    """Return everything for which the cloud would refuse these messages, each once."""
    first = messages[0]
    faults = []
    if first.size > LARGEST_QUEUED_BYTES:
        faults.append(Fault("BODY", f"has {first.size} bytes with its attributes; {LARGEST_QUEUED_BYTES} at most"))
    if not first.body:
        faults.append(Fault("BODY", "is empty"))
    if destination.needs_group and not first.group:
        faults.append(Fault("--group", "is missing: messages are in order within a group there", "Add --group NAME."))
    if first.delay_s and not takes_delay:
        faults.append(Fault("--delay", "single messages are not delayed there"))
    return faults


def _add_identifier(destination: DeployedQueue | DeployedTopic, message: SentMessage) -> SentMessage:
    """Return the message with an id of its own, where each needs one and the sender gave none."""
    if message.identifier or not destination.needs_identifier:
        return message
    return replace(message, identifier=str(uuid.uuid4()))
