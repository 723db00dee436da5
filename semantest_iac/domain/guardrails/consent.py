"""The confirmation that destroying a stack, or changing a real cloud, requires."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import Environment
from semantest_iac.domain.errors import Fault, RefusedError

_LOG = logging.getLogger(__name__)


def required_consent(stack: Stack, bases: Collection[str] = ()) -> str:
    """Return the required answer: `yes`, in production the stack's name.

    `bases` are the built-in environments that the stack's own environment extends, and extended when it was deployed.
    """
    return str(stack) if Environment.PRODUCTION in (stack.environment, *bases) else "yes"


def require_consent(stack: Stack, answer: str, bases: Collection[str] = ()) -> None:
    """Raise RefusedError unless the answer is the required one; the stack's name is always enough."""
    required = required_consent(stack, bases)
    if answer in (required, str(stack)):
        return
    hint = "Add --yes." if required == "yes" else f"Type the stack's name: {required}"
    raise RefusedError(f"Cannot destroy '{stack}': it was not confirmed.", "CONSENT_MISSING", hint=hint)


def require_resolve_consent(deployment: str, answer: str) -> None:
    """Raise RefusedError unless the answer is yes."""
    if answer.strip().lower() not in ("y", "yes"):
        message = f"Cannot resolve deployment '{deployment}': it was not confirmed."
        raise RefusedError(message, "CONSENT_MISSING", hint="Add --yes.")


def require_approval_consent(deployment: str, answer: str) -> None:
    """Raise RefusedError unless the answer is yes."""
    if answer.strip().lower() not in ("y", "yes"):
        hint = f"It still waits: approve it later, or run `semantest-iac reject {deployment}`."
        raise RefusedError(f"The plan of deployment '{deployment}' was not approved.", "CONSENT_MISSING", hint=hint)


ApprovePlan = Callable[[Stack, ChangePlan], Awaitable[None]]
"""Approves the plan for a stack in a real cloud before anything is changed; raises RefusedError to stop there."""

ShowPlan = Callable[[ChangePlan], None]
"""Shows a plan with the values of properties, which no event holds."""

_DESTRUCTIVE_OPERATIONS = ("replace", "delete")


async def approve_harmless_plan(stack: Stack, plan: ChangePlan) -> None:
    """Approve a plan that creates and updates; raises RefusedError for one that replaces or deletes resources."""
    require_no_destruction(stack, plan)


async def approve_any_plan(stack: Stack, plan: ChangePlan) -> None:
    """Approve every plan: somebody has confirmed it beforehand."""


def show_before_approval(show_plan: ShowPlan, approve: ApprovePlan) -> ApprovePlan:
    """Return an approval that shows the plan first; like an observer, who shows it never stops a run."""

    async def show_and_approve(stack: Stack, plan: ChangePlan) -> None:
        try:
            show_plan(plan)
        except Exception as error:
            _LOG.warning("A plan was not shown: %s.", type(error).__name__)
        await approve(stack, plan)

    return show_and_approve


def refuse_lost_state(has_results: Callable[[Stack], bool], approve: ApprovePlan) -> ApprovePlan:
    """Return an approval that first refuses to create a deployed stack again: its state is lost, or elsewhere.

    What a refresh found deleted in the cloud is created again, as the plan says so.
    """

    async def check_and_approve(stack: Stack, plan: ChangePlan) -> None:
        creates_everything = bool(plan.resources) and plan.changes.create == len(plan.resources)
        if creates_everything and not plan.drift and has_results(stack):
            raise RefusedError(
                f"Cannot deploy '{stack}': it is deployed, and its state has none of its resources.",
                "STATE_MISSING",
                hint="Use the state that it was deployed with (SEMANTEST_STATE_URL, or the home), or restore it.",
            )
        await approve(stack, plan)

    return check_and_approve


def require_no_destruction(stack: Stack, plan: ChangePlan) -> None:
    """Raise RefusedError with every resource that the plan replaces or deletes."""
    changes = [change for change in plan.mutations if change.op in _DESTRUCTIVE_OPERATIONS]
    if not changes:
        return
    counted = "a resource" if len(changes) == 1 else f"{len(changes)} resources"
    raise RefusedError(
        f"Cannot deploy '{stack}' without confirmation: that replaces or deletes {counted} of a real cloud.",
        "CONSENT_MISSING",
        hint="Look at it with preview, then deploy with --yes, or with allow_destructive=True in Python.",
        faults=[Fault(change.op, f"{change.name} ({change.type})") for change in changes],
    )


def require_plan_consent(stack: Stack, answer: str) -> None:
    """Raise RefusedError unless the answer to the shown plan is yes; saying nothing is no."""
    if answer.strip().lower() not in ("y", "yes"):
        hint = "Nothing was changed. Deploy again to see the plan once more."
        raise RefusedError(f"Cannot deploy '{stack}': its plan was declined.", "PLAN_DECLINED", hint=hint)
