"""Asking a person before a plan is applied, and the answer."""

from __future__ import annotations

from semantest_iac_events.stack_event import StackEvent
from semantest_iac_events.values import ChangeCounts, Label, Prose


class ApprovalRequested(StackEvent):
    """The plan waits for a person, for these reasons."""

    type_name = "infrastructure.approval.requested"

    changes: ChangeCounts
    reasons: tuple[Prose, ...] = ()


class DeploymentApproved(StackEvent):
    """A person said yes to the plan that was shown."""

    type_name = "infrastructure.approval.granted"

    approved_by: Label


class DeploymentDisapproved(StackEvent):
    """A person said no."""

    type_name = "infrastructure.approval.denied"

    disapproved_by: Label
    reason: Prose = ""
