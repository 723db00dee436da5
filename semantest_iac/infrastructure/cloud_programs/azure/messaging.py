"""Notification channels as action groups."""

from __future__ import annotations

from pulumi_azure_native import monitor

from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.infrastructure.cloud_programs.azure.limits import name_of
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

_SENDER = "semantest"  # 12 characters at most; the sender's name in text messages


def notification_channel(channel: NotificationChannel, context: Context) -> Made:
    """A group with one receiver per address; it belongs to no region."""
    group = monitor.ActionGroup(
        channel.name,
        action_group_name=name_of("action group", context, channel.name),
        group_short_name=_SENDER,
        resource_group_name=context.made[GROUND]["group"],
        location="global",
        enabled=True,
        email_receivers=[{"name": email, "email_address": email} for email in channel.emails],
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": group.id, "name": group.name}
