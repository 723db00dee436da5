"""Which plans of an environment wait for a person's approval, until when, and who may give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from semantest_iac.domain.deployment.approval import USUAL_APPROVAL_TIME, ApprovalTerms
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.durations import parse_duration
from semantest_iac.domain.environments.sections import ApprovalNeed, ApprovalsSection

_NEEDS: tuple[ApprovalNeed, ...] = ("never", "destructive", "always")  # the stricter ones come later
MOST_REASONS = 20
"""So many resources are named: a person reads the plan for all of them."""

_PARTICIPLES: Mapping[str, str] = {"replace": "is replaced", "delete": "is deleted"}


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """The `approvals` of an environment: `destructive` plans replace or delete resources, or lose data."""

    need: ApprovalNeed = "never"
    approvers: tuple[str, ...] = ()
    time: timedelta = USUAL_APPROVAL_TIME
    four_eyes: bool = False

    @classmethod
    def from_section(cls, section: ApprovalsSection) -> ApprovalRules:
        """Return the rules of a valid section."""
        seconds = parse_duration(section.expires_after) if section.expires_after else None
        return cls(
            section.required or "never",
            section.approvers or (),
            timedelta(seconds=seconds) if seconds else USUAL_APPROVAL_TIME,
            section.four_eyes is True,
        )

    def combine(self, own: ApprovalRules) -> ApprovalRules:
        """Return the stricter of these and `own` in each point; who may approve is up to `own` where it names anybody.

        The intersection of two lists could be empty, and then nobody could approve.
        """
        return ApprovalRules(
            max(self.need, own.need, key=_NEEDS.index),
            own.approvers or self.approvers,
            min(self.time, own.time),
            self.four_eyes or own.four_eyes,
        )

    def find_reasons(self, stack: Stack, plan: ChangePlan) -> tuple[str, ...]:
        """Return why a plan that changes something must be approved; none where it need not be."""
        found = tuple(_describe_destruction(plan)) if self.need != "never" else ()
        more = (f"{len(found) - MOST_REASONS} more are replaced or deleted",) if len(found) > MOST_REASONS else ()
        destroyed = (*found[:MOST_REASONS], *more)
        if self.need == "always":
            return (f"every plan for {stack.environment} is approved by a person", *destroyed)
        return destroyed

    def terms_at(self, now: datetime) -> ApprovalTerms:
        """Return the terms of an approval that is asked for now."""
        return ApprovalTerms(now + self.time, self.approvers, self.four_eyes)


FindApprovalRules = Callable[[Stack], ApprovalRules]
"""Returns the rules that the configuration of this process has for the environment of a stack."""


def require_no_approval(stack: Stack) -> ApprovalRules:
    """Require nothing: the process has no configuration of its own."""
    return ApprovalRules()


def read_approval_rules(configuration: Mapping[str, Any]) -> ApprovalRules:
    """Return the rules of a recorded configuration, which was valid; those of earlier versions have none."""
    return ApprovalRules.from_section(ApprovalsSection.model_validate(configuration.get("approvals") or {}))


def _describe_destruction(plan: ChangePlan) -> Iterator[str]:
    for change in plan.mutations:
        parts = [_PARTICIPLES.get(change.op, ""), f"loses {change.loses}" if change.loses else ""]
        if what := " and ".join(filter(None, parts)):
            yield f"{_name(change)} {what}"


def _name(change: PlannedChange) -> str:
    return f"{change.name} ({change.type})"
