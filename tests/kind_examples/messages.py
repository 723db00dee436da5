"""Examples of queues, topics and what calls functions."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
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
BROKER_EXAMPLE = MessageBroker(name=BROKER, has_topics=True, has_order=True)
QUEUE_EXAMPLE = MessageQueue(name=QUEUE, queue="orders-queue", broker=BROKER, lock_s=180)
_TOPIC = MessageTopic(name=TOPIC, topic="events-topic", broker=BROKER)
_SUBSCRIPTION = TopicSubscription(
    name=Ref("subscription"),
    subscription="audit",
    topic=TOPIC,
    filter=MessageFilter({"kind": AttributeCondition(prefix="order."), "total": MUST_EXIST}),
)
_RECEIVING = (
    shared.LOG_STORE,
    BROKER_EXAMPLE,
    QUEUE_EXAMPLE,
    replace(shared.FUNCTION_IDENTITY, receives_from=(QUEUE,)),
    shared.SERVERLESS_FUNCTION,
    shared.LIVE_VERSION,
)
_MESSAGES = MessageTrigger(name=Ref("messages"), target=shared.LIVE, function=shared.FUNCTION, source=QUEUE)
_SCHEDULE = ScheduleTrigger(
    name=Ref("schedule"), target=shared.LIVE, function=shared.FUNCTION, schedule="0 3 * * *", time_zone="Europe/Berlin"
)
_REQUESTS = RequestTrigger(name=Ref("requests"), target=shared.LIVE, function=shared.FUNCTION, purpose="list-prices")

MESSAGE_EXAMPLES = (
    KindExample(
        resource=BROKER_EXAMPLE,
        changed=replace(BROKER_EXAMPLE, private=True),
        change=(),
        changes={"azure": ("replace",)},  # another tier, and with it another name
    ),
    KindExample(
        resource=QUEUE_EXAMPLE,
        changed=replace(QUEUE_EXAMPLE, max_deliveries=5, lifetime_s=7 * DAY_S),
        change=("update",),
        needs=(BROKER_EXAMPLE,),
        outputs=("arn", "name", "address"),
    ),
    KindExample(
        resource=QUEUE_EXAMPLE,
        changed=replace(QUEUE_EXAMPLE, ordered=True),
        change=("replace",),
        needs=(BROKER_EXAMPLE,),
        label="in order",
    ),
    KindExample(
        resource=_TOPIC,
        changed=replace(_TOPIC, lifetime_s=7 * DAY_S),
        change=("update",),
        changes={"aws": ()},  # its subscriptions keep the messages there
        needs=(BROKER_EXAMPLE,),
        outputs=("arn", "name", "address"),
    ),
    KindExample(
        resource=_SUBSCRIPTION,
        changed=replace(_SUBSCRIPTION, filter=MessageFilter(), max_deliveries=3),
        change=("update",),
        needs=(BROKER_EXAMPLE, _TOPIC),
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
    ),
    KindExample(
        resource=_REQUESTS,
        changed=replace(_REQUESTS, purpose="prices"),
        change=(),  # it is what callers are given
        needs=shared.WHOLE_FUNCTION,
        outputs=("arn",),
    ),
)
