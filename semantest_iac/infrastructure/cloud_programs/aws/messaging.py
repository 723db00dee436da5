"""Notification channels on SNS."""

from __future__ import annotations

import pulumi_aws as aws

from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.infrastructure.cloud_programs.aws.limits import longest
from semantest_iac.infrastructure.cloud_programs.context import Context, Made


def notification_channel(channel: NotificationChannel, context: Context) -> Made:
    """A topic with one subscription per address."""
    topic = aws.sns.Topic(
        channel.name,
        name=context.physical_name(channel.name, limit=longest("topic")),
        tags=context.tags,
        opts=context.options(),
    )
    for email in channel.emails:
        aws.sns.TopicSubscription(
            f"{channel.name}-{email}",
            topic=topic.arn,
            protocol="email",
            endpoint=email,
            opts=context.options(),
        )
    return {"arn": topic.arn, "name": topic.name}
