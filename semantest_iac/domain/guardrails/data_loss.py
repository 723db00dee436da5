"""Whether somebody has accepted, by name, that a plan loses data for good."""

from __future__ import annotations

from collections.abc import Collection

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, RefusedError

DATA_LOSS = "DATA_LOSS"
ACCEPT_OPTION = "--accept-data-loss"


def format_accept_option(losses: Collection[PlannedChange]) -> str:
    """Return the option that accepts these losses: `--accept-data-loss logs,table`."""
    return f"{ACCEPT_OPTION} {','.join(dict.fromkeys(change.name for change in losses))}"


def require_accepted_loss(stack: Stack, plan: ChangePlan, accepted: Collection[str], *, is_rest: bool = False) -> None:
    """Raise RefusedError (DATA_LOSS) unless the accepted names are those of the resources whose data the plan loses.

    The plan of a run that goes on is the rest of one that was judged before: what was accepted may be lost already.
    """
    lost = {change.name for change in plan.losses}
    missing = [change for change in plan.losses if change.name not in accepted]
    unknown = [] if is_rest else [name for name in dict.fromkeys(accepted) if name not in lost]
    if not missing and not unknown:
        return
    faults = [
        *(Fault(change.name, f"{change.op} loses {change.loses} ({change.type})") for change in missing),
        *(Fault(name, "it loses no data", "Leave it out.") for name in unknown),
    ]
    option = f"accept that with {format_accept_option(plan.losses)}" if lost else f"leave {ACCEPT_OPTION} out"
    raise RefusedError(
        f"Cannot roll back '{stack}': {_describe_refusal(missing)}.",
        DATA_LOSS,
        hint=f"Nothing was changed. To go on, {option} (in Python: accept_data_loss).",
        faults=faults,
    )


def _describe_refusal(missing: Collection[PlannedChange]) -> str:
    return "it would lose data for good" if missing else "what was accepted to be lost is not"
