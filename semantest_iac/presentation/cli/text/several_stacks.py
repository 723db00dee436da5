"""Words what became of the stacks of one command where not all of them are as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from semantest_iac.presentation.cli.formatting import align_columns, program_name


class StackOutcome(NamedTuple):
    """How the command ended for one stack; nothing is to be done again for one that waits for a person."""

    stack: str
    outcome: str
    is_done: bool
    is_waiting: bool = False


def format_outcomes(outcomes: Sequence[StackOutcome], command: str, home_option: str) -> list[str]:
    """Return which stacks are done and which are not, and the command that tries those again.

    `command` is the one that was given, without its stacks: `deploy`.
    """
    done = sum(each.is_done for each in outcomes)
    ordered = sorted(outcomes, key=lambda each: not each.is_done)
    rest = " ".join(each.stack for each in ordered if not (each.is_done or each.is_waiting))
    again = ["Try the others again, with the same options:", f"  {program_name()} {command}{home_option} {rest}"]
    return [
        f"{done} of {len(outcomes)} stacks are done; what became of the others changes nothing about these.",
        *(f"  {line}" for line in align_columns([(each.outcome, each.stack) for each in ordered])),
        *(again if rest else ()),
    ]
