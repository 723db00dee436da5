"""Examples of queues, topics and what calls functions."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.compute.triggers import MessageTrigger, ScheduleTrigger
from semantest_iac.domain.messaging.message_filters import MUST_EXIST, AttributeCondition, MessageFilter
from semantest_iac.domain.messaging.queues import (
    DAY_S,
    MessageBroker,
    MessageQueue,
    MessageTopic,
    TopicSubscription,
)
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample

BROKER, QUEUE, TOPIC = Ref("broker"), Ref("queue"), Ref("topic")
_BROKER = MessageBroker(name=BROKER, has_topics=True, has_order=True)
_QUEUE = MessageQueue(name=QUEUE, queue="orders-queue", broker=BROKER, lock_s=180)
_TOPIC = MessageTopic(name=TOPIC, topic="events-topic", broker=BROKER)
_SUBSCRIPTION = TopicSubscription(
    name=Ref("subscription"),
    subscription="audit",
    topic=TOPIC,
    filter=MessageFilter({"kind": AttributeCondition(prefix="order."), "total": MUST_EXIST}),
)
_RECEIVING = (
    shared.LOG_STORE,
    _BROKER,
    _QUEUE,
    replace(shared.FUNCTION_IDENTITY, receives_from=(QUEUE,)),
    shared.SERVERLESS_FUNCTION,
    shared.LIVE_VERSION,
)
_MESSAGES = MessageTrigger(name=Ref("messages"), target=shared.LIVE, function=shared.FUNCTION, source=QUEUE)
_SCHEDULE = ScheduleTrigger(
    name=Ref("schedule"), target=shared.LIVE, function=shared.FUNCTION, schedule="0 3 * * *", time_zone="Europe/Berlin"
)

MESSAGE_EXAMPLES = (
    KindExample(
        resource=_BROKER,
        changed=replace(_BROKER, private=True),
        change=(),
        changes={"azure": ("replace",)},  # another tier, and with it another name
    ),
    KindExample(
        resource=_QUEUE,
        changed=replace(_QUEUE, max_deliveries=5, lifetime_s=7 * DAY_S),
        change=("update",),
        needs=(_BROKER,),
        outputs=("arn", "name", "address"),
    ),
    KindExample(
        resource=_QUEUE,
        changed=replace(_QUEUE, ordered=True),
        change=("replace",),
        needs=(_BROKER,),
        label="in order",
    ),
    KindExample(
        resource=_TOPIC,
        changed=replace(_TOPIC, lifetime_s=7 * DAY_S),
        change=("update",),
        changes={"aws": ()},  # its subscriptions keep the messages there
        needs=(_BROKER,),
        outputs=("arn", "name", "address"),
    ),
    KindExample(
        resource=_SUBSCRIPTION,
        changed=replace(_SUBSCRIPTION, filter=MessageFilter(), max_deliveries=3),
        change=("update",),
        needs=(_BROKER, _TOPIC),
        outputs=("arn", "name"),
    ),
    KindExample(
        resource=_MESSAGES,
        changed=replace(_MESSAGES, batch_size=100),
        change=("update",),
        changes={"azure": ()},  # the app has the trigger, and one message for each call
        needs=_RECEIVING,
    ),
    KindExample(
        resource=_SCHEDULE,
        changed=replace(_SCHEDULE, schedule="30 4 * * 1-5"),
        change=("update",),
        changes={"azure": ()},  # the app has the trigger
        needs=shared.WHOLE_FUNCTION,
        unpriced=("aws",),
    ),
)
