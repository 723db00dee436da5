"""Valid samples of Service Bus: a namespace of the Standard tier with one of each entity."""

from __future__ import annotations

from semantest_iac.infrastructure.simulated_cloud.azure.platform.messaging import (
    BUS_NAMESPACE_TYPE,
    BUS_QUEUE_TYPE,
    BUS_RULE_TYPE,
    BUS_SUBSCRIPTION_TYPE,
    BUS_TOPIC_TYPE,
)
from tests.unit.simulated_cloud.azure.tokens import IN_GROUP, LOCATED, Sample

IN_NAMESPACE = {**IN_GROUP, "namespaceName": "semantest-broker"}
IN_TOPIC = {**IN_NAMESPACE, "topicName": "events-topic"}

SAMPLES: dict[str, Sample] = {
    BUS_NAMESPACE_TYPE: lambda _: {
        **LOCATED,
        "namespaceName": "semantest-broker",
        "sku": {"name": "Standard", "tier": "Standard"},
        "disableLocalAuth": True,
        "minimumTlsVersion": "1.2",
    },
    BUS_QUEUE_TYPE: lambda _: {
        **IN_NAMESPACE,
        "queueName": "orders-queue",
        "lockDuration": "PT3M",
        "maxDeliveryCount": 5,
        "defaultMessageTimeToLive": "P4D",
        "requiresSession": False,
    },
    BUS_TOPIC_TYPE: lambda _: {**IN_TOPIC, "supportOrdering": False},
    BUS_SUBSCRIPTION_TYPE: lambda _: {**IN_TOPIC, "subscriptionName": "audit", "lockDuration": "PT30S"},
    BUS_RULE_TYPE: lambda _: {
        **IN_TOPIC,
        "subscriptionName": "audit",
        "filterType": "SqlFilter",
        "sqlFilter": {"sqlExpression": "user.[type] IN ('order.created')"},
    },
}
