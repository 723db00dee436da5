"""What Service Bus refuses, by tier and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.platform.messaging import (
    BUS_NAMESPACE_TYPE,
    BUS_QUEUE_TYPE,
    BUS_TOPIC_TYPE,
)

_BASIC = {"name": "Basic", "tier": "Basic"}


class TestBasicTier:
    @pytest.mark.parametrize(
        ("type_", "changes", "reason"),
        [
            (BUS_TOPIC_TYPE, {"topicName": "news"}, "Topics need the Standard tier."),
            (BUS_QUEUE_TYPE, {"queueName": "jobs", "requiresSession": True}, "Sessions and duplicate detection"),
            (BUS_QUEUE_TYPE, {"queueName": "jobs", "requiresDuplicateDetection": True}, "Sessions and duplicate"),
            (BUS_QUEUE_TYPE, {"queueName": "jobs", "defaultMessageTimeToLive": "P15D"}, "14 days at most"),
        ],
    )
    def test_has_neither_topics_nor_order(
        self, make: Any, refused: Callable[..., Any], type_: str, changes: dict[str, Any], reason: str
    ) -> None:
        make(BUS_NAMESPACE_TYPE, namespaceName="semantest-basic", sku=_BASIC)

        assert reason in refused(type_, namespaceName="semantest-basic", **changes).message


class TestNamespace:
    def test_has_units_in_premium_only(self, refused: Callable[..., Any]) -> None:
        sku = {"name": "Standard", "capacity": 1}

        assert "Premium tier only" in refused(BUS_NAMESPACE_TYPE, namespaceName="semantest-other", sku=sku).message


class TestNames:
    @pytest.mark.parametrize(
        ("type_", "changes"),
        [(BUS_TOPIC_TYPE, {"topicName": "Orders-Queue"}), (BUS_QUEUE_TYPE, {"queueName": "events-topic"})],
    )
    def test_are_shared_by_queues_and_topics(
        self, refused: Callable[..., Any], type_: str, changes: dict[str, Any]
    ) -> None:
        assert "is in the namespace" in refused(type_, **changes).message
