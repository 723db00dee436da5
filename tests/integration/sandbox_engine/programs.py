"""Small programs that several tests run."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.infrastructure.sandbox_engine.plan.steps import ResourceStep
from tests.integration.sandbox_engine.world import Program


def changes_of(steps: list[ResourceStep]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return operation, name and cause of each change."""
    return [(step.op, step.state.name, step.why) for step in steps if step.op != "same"]


def topic(logical: str = "topic", **arguments: Any) -> Program:
    """Return a program with one topic, whose ARN is an output."""
    return lambda: pulumi.export("arn", aws.sns.Topic(logical, **arguments).arn)


def chain(topic: str, **options: Any) -> Program:
    """Return a program with a topic, a subscription that must be replaced with it and an alarm that refers to it."""

    def program() -> None:
        first = aws.sns.Topic("topic", name=topic, opts=pulumi.ResourceOptions(**options))
        aws.sns.TopicSubscription("mail", topic=first.arn, protocol="email", endpoint="a@example.org")
        aws.cloudwatch.MetricAlarm(
            "alarm",
            name="alarm",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            metric_name="Errors",
            namespace="AWS/Lambda",
            period=60,
            statistic="Sum",
            threshold=1,
            alarm_actions=[first.arn],
        )

    return program
