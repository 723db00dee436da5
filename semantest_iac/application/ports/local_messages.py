"""Sends to and receives from the queues of stacks in simulated clouds, by the names of the configuration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from semantest_iac.domain.messaging.messages import DeliveredMessage, MessageCounts, SentMessage


@dataclass(frozen=True, slots=True)
class MessageReceipts:
    """What was sent: to which queue or topic of which stack, and the id of each message.

    `functions` are those that get the messages of the queue.
    """

    stack: str
    destination: str
    ids: Sequence[str]
    functions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReceivedMessages:
    """What was received from which queue of which stack, and how many messages it has left."""

    stack: str
    queue: str
    messages: Sequence[DeliveredMessage]
    left: MessageCounts
    functions: Sequence[str] = ()


class LocalMessages(Protocol):
    """The messages of one home; every method raises NotFoundError for a name that none of the stacks has."""

    async def send(
        self, stacks: Collection[str], messages: Sequence[SentMessage], *, queue: str = "", topic: str = ""
    ) -> MessageReceipts:
        """Send messages to the queue or topic of that name, all or none; raises RefusedError for unfit ones."""
        ...

    async def receive(
        self, stacks: Collection[str], queue: str, *, most: int, wait_s: float, keeps: bool, dead_letters: bool
    ) -> ReceivedMessages:
        """Receive messages, waiting for the first one; those that are not kept are locked until they are deleted."""
        ...

    async def delete(self, received: ReceivedMessages) -> None:
        """Remove what was received."""
        ...
