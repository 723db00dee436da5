"""Words plans that wait for an approval: what they change, why they wait, until when and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from semantest_iac.domain.deployment.approval import SHOWN_DIGEST_LENGTH
from semantest_iac.presentation.cli.formatting import OPERATION_MARKS, align_columns, type_name_with_module
from semantest_iac.presentation.cli.text.plans import DEFAULT_WIDTH, format_counts, shorten_middle, show_characters
from semantest_iac.presentation.styles import join_styled, style_text

if TYPE_CHECKING:
    from semantest_iac.application.operators.approvals import WaitingPlan
    from semantest_iac_events.values import ResourceChange

_IRREVERSIBLE = {"irreversible": "cannot be undone", "lossy": "cannot be undone completely"}


def format_waiting_plan(waiting: WaitingPlan, width: int | None = None) -> Iterator[str]:
    """Yield the stack, the plan with its resources, why it waits, and until when for whom."""
    asked = waiting.asked
    by = f", requested by {show_characters(asked.requested_by)}" if asked.requested_by else ""
    yield f"{waiting.kind} of {waiting.stack}{by}"
    yield join_styled(f"Plan {waiting.digest[:SHOWN_DIGEST_LENGTH]}: ", format_counts(asked.changes))
    rows = [_resource_cells(change) for change in asked.resources]
    yield from (shorten_middle(line, width or DEFAULT_WIDTH) for line in align_columns(rows) if rows)
    yield from describe_wait(waiting)


def describe_wait(waiting: WaitingPlan) -> Iterator[str]:
    """Yield until when a plan waits for whom, and why."""
    yield f"It waits for an approval{_describe_approvers(waiting)} until {waiting.as_dict()['expires_at']}:"
    for reason in waiting.asked.reasons:
        yield f"  {show_characters(reason)}"


def format_commands(waiting: WaitingPlan, home_option: str = "") -> Iterator[str]:
    """Yield the commands of which a person runs one."""
    yield from (f"  {command}{home_option}" for command in waiting.commands)


def list_approval_notes(waiting: Iterable[WaitingPlan]) -> Iterator[str]:
    """Yield since when each plan waits, until when, and the command."""
    for plan in waiting:
        times = plan.as_dict()
        yield (
            f"Note: deployment {plan.deployment} of {plan.stack} waits since {times['asked_at']} for an"
            f" approval{_describe_approvers(plan)}, until {times['expires_at']}."
        )
        yield f"  Run `{plan.commands[0]}`, or reject in its place."


def _describe_approvers(waiting: WaitingPlan) -> str:
    asked = waiting.asked
    names = ", ".join(map(show_characters, asked.approvers))
    other = f"not {show_characters(asked.requested_by)}" if asked.four_eyes and asked.requested_by else ""
    described = "; ".join(filter(None, (names, other)))
    return f" ({described})" if described else ""


def _resource_cells(change: ResourceChange) -> list[str]:
    operation = style_text(f"{OPERATION_MARKS[change.op]} {change.op}", change.op)
    loss = _IRREVERSIBLE.get(change.reversible, "")
    causes = ", ".join(map(show_characters, change.why))
    note = style_text(loss, "loss") if loss else causes
    return [join_styled("  ", operation), type_name_with_module(change.type), show_characters(change.name), note]
