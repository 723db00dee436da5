"""What AWS refuses of queues, of their pollers and of schedules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory

_QUEUE = "aws:sqs/queue:Queue"
_MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
_SCHEDULE = "aws:scheduler/schedule:Schedule"


def _dead_letters(arn: str, count: Any = 5) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


class TestQueue:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"fifoQueue": True}, "must"),
            ({"redrivePolicy": _dead_letters("arn:aws:sqs:us-east-1:123456789012:none")}, "target does not exist"),
            ({"redrivePolicy": _dead_letters("{orders}", 0)}, "Invalid value for maxReceiveCount"),
            ({"name": "later.fifo", "fifoQueue": True, "redrivePolicy": _dead_letters("{orders}")}, "same type"),
        ],
    )
    def test_is_refused(self, refused: Callable[..., Any], world: Any, changes: dict[str, Any], reason: str) -> None:
        written = {"name": "later", "kmsMasterKeyId": None, **changes}
        if "redrivePolicy" in written:
            written["redrivePolicy"] = written["redrivePolicy"].replace("{orders}", world[_QUEUE].outputs["arn"])

        assert reason in refused(_QUEUE, **written).message

    def test_keeps_its_name_for_a_minute_for_which_the_provider_waits(self, inventory: Inventory) -> None:
        clock = VirtualClock()
        cloud = simulated_aws(inventory, region="us-east-1", clock=clock)
        made = cloud.create(_QUEUE, {"name": "short"}, owner="urn:first")
        cloud.delete(_QUEUE, made.id)
        deleted = clock.seconds

        assert cloud.create(_QUEUE, {"name": "short"}, owner="urn:second").id == made.id
        assert clock.seconds - deleted >= 60


class TestEventSourceMapping:
    def test_needs_a_longer_lock_than_the_function_runs(self, refused: Callable[..., Any], make: Any) -> None:
        queue = make(_QUEUE, name="brief", visibilityTimeoutSeconds=1)

        refusal = refused(_MAPPING, eventSourceArn=queue.outputs["arn"])

        assert refusal.message == "Queue visibility timeout: 1 seconds is less than Function timeout: 3 seconds"

    def test_needs_a_window_for_a_large_batch(self, refused: Callable[..., Any]) -> None:
        assert "greater than 0" in refused(_MAPPING, batchSize=50).message


class TestSchedule:
    @pytest.mark.parametrize("expression", ["cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "0 3 * * *"])
    def test_takes_one_kind_of_day(self, refused: Callable[..., Any], expression: str) -> None:
        assert "Invalid Schedule Expression" in refused(_SCHEDULE, name="other", scheduleExpression=expression).message
