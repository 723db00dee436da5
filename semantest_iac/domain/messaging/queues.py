"""Queues, topics and subscriptions, and the broker that holds them where a cloud has one."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.messaging.message_filters import ALL_MESSAGES, MessageFilter
from semantest_iac.domain.resource import Ref, Resource, address_variable

DAY_S = 86_400
LIFETIMES_S = range(60, 14 * DAY_S + 1)  # seconds, on the narrowest cloud
DELIVERIES = range(1, 1000 + 1)  # on the narrowest cloud
LOCKS_S = range(5, 43_200 + 1)  # seconds
DEFAULT_DELIVERIES, DEFAULT_LOCK_S, DEFAULT_LIFETIME_S = 10, 30, 4 * DAY_S
LOCK_PER_TIMEOUT = 6
"""How many times the timeout of the function that handles its messages a queue locks them.

A message is delivered again when its lock ends, and a function that is busy refuses some for a while. Source: the
guide to functions with queues of the cloud whose functions poll them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBroker(Resource):
    """What holds queues and topics, on clouds where that is a resource of its own.

    The cloud chooses at least the `tier`, and a higher one where it is needed for topics, for order or for a private
    address.
    """

    tier: Tier = "basic"
    private: bool = False
    has_topics: bool = False
    has_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivery(Resource):
    """What queues and subscriptions share: how long a message lives, is locked, and how often it is tried.

    After `max_deliveries` a message becomes a dead letter. `ordered` keeps the order within the group that a sender
    names.
    """

    max_deliveries: int = DEFAULT_DELIVERIES
    lock_s: int = DEFAULT_LOCK_S
    lifetime_s: int = DEFAULT_LIFETIME_S
    ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueue(MessageDelivery):
    """A queue, known to its senders and receivers as `queue`; each message is handled by one of the receivers."""

    queue: str
    broker: Ref
    rejects_duplicates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTopic(Resource):
    """A topic, known to its senders as `topic`; each of its subscriptions gets every message that its filter takes."""

    topic: str
    broker: Ref
    lifetime_s: int = DEFAULT_LIFETIME_S
    ordered: bool = False
    rejects_duplicates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSubscription(MessageDelivery):
    """What keeps the messages of a topic that the filter takes until they are handled."""

    subscription: str
    topic: Ref
    filter: MessageFilter = ALL_MESSAGES


def choose_lock(timeout_s: int) -> int:
    """Return for how many seconds a queue locks the messages that a function with this timeout handles."""
    return min(max(LOCK_PER_TIMEOUT * timeout_s, DEFAULT_LOCK_S), LOCKS_S[-1])


SEND_VARIABLE_PREFIX = "SEMANTEST_SEND_"
"""Begins the names of the variables with which a function finds what it sends to."""


def send_variable(destination: str) -> str:
    """Return the name of the variable with the address of a queue or topic; that of `my-queue` ends with MY_QUEUE."""
    return address_variable(SEND_VARIABLE_PREFIX, destination)


RECEIVE_VARIABLE_PREFIX = "SEMANTEST_RECEIVE_"
"""Begins the names of the variables with which a service finds what it receives messages from."""


def receive_variable(source: str) -> str:
    """Return the name of the variable with the address of a queue or subscription whose messages a service takes."""
    return address_variable(RECEIVE_VARIABLE_PREFIX, source)
