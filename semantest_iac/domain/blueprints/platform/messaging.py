"""The messaging layer: the broker, its queues and topics, and the subscriptions of topics."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext, queue_ref, subscription_ref, topic_ref
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.environments.settings import ComponentSettings, FunctionSettings
from semantest_iac.domain.messaging.queues import (
    DAY_S,
    DEFAULT_LOCK_S,
    MessageBroker,
    MessageQueue,
    MessageTopic,
    TopicSubscription,
    choose_lock,
)
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.resource import Ref

BROKER_REF = Ref("broker")


def build_messaging(context: LayerContext) -> Layer:
    """Build the queues and topics of the component, with the subscriptions of functions that topics call."""
    messaging = context.platform.messaging
    topics = tuple(_build_topics(context))
    queues = tuple(_build_queues(context))
    subscriptions = tuple(_build_subscriptions(context))
    entities: tuple[MessageQueue | MessageTopic, ...] = (*queues, *topics)
    endpoints = build_private_endpoint(context, PrivateService.MESSAGING, (BROKER_REF,), "private-messaging")
    broker = MessageBroker(
        name=BROKER_REF,
        tier=messaging.tier,
        private=context.is_private,
        has_topics=bool(topics),
        has_order=any(it.ordered or it.rejects_duplicates for it in entities),
    )
    outputs = {f"messaging_{_output_name(it.name)}": (it.name, "address") for it in entities}
    return Layer((broker, *queues, *topics, *subscriptions, *endpoints), outputs)


def _output_name(name: str) -> str:
    return name.replace("-", "_")


def _build_queues(context: LayerContext) -> Iterator[MessageQueue]:
    for name, settings in context.platform.messaging.queues.items():
        timeouts = [it.timeout for it in _list_triggered(context.settings) if it.trigger and it.trigger.queue == name]
        yield MessageQueue(
            name=queue_ref(name),
            queue=name,
            broker=BROKER_REF,
            max_deliveries=settings.max_deliveries,
            lock_s=_find_lock(settings.lock_s, timeouts),
            lifetime_s=settings.retention_days * DAY_S,
            ordered=settings.ordered,
            rejects_duplicates=settings.rejects_duplicates,
        )


def _find_lock(written: int | None, timeouts: list[int]) -> int:
    """Return the written lock, or what the functions need that handle the messages."""
    return written if written is not None else choose_lock(max(timeouts, default=DEFAULT_LOCK_S))


def _list_triggered(settings: ComponentSettings) -> tuple[FunctionSettings, ...]:
    return tuple(function for function in settings.functions if function.trigger)


def _build_topics(context: LayerContext) -> Iterator[MessageTopic]:
    for name, settings in context.platform.messaging.topics.items():
        yield MessageTopic(
            name=topic_ref(name),
            topic=name,
            broker=BROKER_REF,
            ordered=settings.ordered,
            rejects_duplicates=settings.rejects_duplicates,
        )


def _build_subscriptions(context: LayerContext) -> Iterator[TopicSubscription]:
    """Yield the subscriptions that are written, and one for each function that a topic calls, under its name."""
    for topic, settings in context.platform.messaging.topics.items():
        for name, written in settings.subscriptions.items():
            yield TopicSubscription(
                name=subscription_ref(topic, name),
                subscription=name,
                topic=topic_ref(topic),
                filter=written.filter,
                max_deliveries=written.max_deliveries,
                lock_s=_find_lock(written.lock_s, []),
                lifetime_s=written.retention_days * DAY_S,
                ordered=settings.ordered,
            )
        for function in _list_triggered(context.settings):
            if function.trigger and function.trigger.topic == topic:
                yield TopicSubscription(
                    name=subscription_ref(topic, function.name),
                    subscription=function.name,
                    topic=topic_ref(topic),
                    filter=function.trigger.filter,
                    lock_s=choose_lock(function.timeout),
                    ordered=settings.ordered,
                )
