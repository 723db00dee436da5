"""Messages as they are sent, wait and are handed out, and what holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from semantest_iac.domain.messaging.message_filters import ALL_MESSAGES, AttributeValue, MessageFilter


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What a sender gives; `identifier` is the sender's own, by which a message that was sent before is recognized.

    Messages of one `group` stay in order where the queue keeps one. Nobody gets the message for `delay_s` seconds,
    without which the queue's own delay counts.
    """

    body: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    group: str = ""
    identifier: str = ""
    delay_s: float | None = None

    @property
    def size(self) -> int:
        """The bytes of the body and of the attributes."""
        return len(self.body.encode()) + sum(len(f"{name}{value}".encode()) for name, value in self.attributes.items())


@dataclass(frozen=True, slots=True)
class DeliveredMessage:
    """A message that was taken from a queue or a subscription for the `deliveries`-th time; `sent_at` is in UTC.

    `receipt` is what its receiver shows to delete it.
    """

    id: str
    body: str
    sent_at: datetime
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    deliveries: int = 1
    group: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class HoldingRules:
    """How long a queue keeps and locks messages, in seconds, and when it gives one up.

    After `max_deliveries` (0 for any number) a message moves to the queue with the key `dead_letters`, which keeps it
    for `dead_lifetime_s` from when it was sent. Without a lifetime it is kept for ever. `ordered` hands out no message
    of a group while an earlier one of it is locked.
    """

    lock_s: float = 30
    lifetime_s: float | None = None
    max_deliveries: int = 0
    dead_letters: str = ""
    dead_lifetime_s: float | None = None
    ordered: bool = False
    delay_s: float = 0


@dataclass(frozen=True, slots=True)
class MessageHolder:
    """What holds messages until they are handled: a queue, a subscription, or the dead letters of one.

    The `key` is its own among all stacks.
    """

    key: str
    stack: str
    rules: HoldingRules = HoldingRules()


@dataclass(frozen=True, slots=True)
class MessageRoute:
    """Where a message goes that is sent to a queue or topic: to each holder whose filter takes it.

    A message with an identifier that was sent in the last `duplicate_window_s` seconds is dropped. The id of a message
    is its identifier where the broker `keeps_identifiers`.
    """

    key: str
    stack: str
    holders: Sequence[tuple[MessageHolder, MessageFilter]]
    duplicate_window_s: float = 0
    keeps_identifiers: bool = False


def route_to_holder(
    holder: MessageHolder, *, duplicate_window_s: float = 0, keeps_identifiers: bool = False
) -> MessageRoute:
    """Return the route of what is sent to a queue."""
    return MessageRoute(holder.key, holder.stack, ((holder, ALL_MESSAGES),), duplicate_window_s, keeps_identifiers)


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many messages can be received now, are locked by a receiver, and wait for their delay."""

    waiting: int = 0
    locked: int = 0
    delayed: int = 0


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """How much all holders of a home have together; more is refused."""

    messages: int = 200_000
    bytes: int = 512 * 1024 * 1024
