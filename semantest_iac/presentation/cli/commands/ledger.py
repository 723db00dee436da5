"""`status`, `history`, `outputs` and `events`: the commands that only read the ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import (
    ALL_STACKS,
    EventSelection,
    StackFilter,
    add_drift_checks,
    find_component_type_of,
    find_deployment_id,
    find_entrances,
    find_owning_engine,
    find_recorded_base,
    is_served_locally,
    mark_interrupted,
    read_events,
    read_history,
    read_outputs,
    read_status,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import CHANGING_STATUSES, UNCHANGED_STATUSES, DeploymentStatus
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.domain.errors import NotFoundError, ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    DEFAULT_GATEWAY_URL,
    flatten_values,
    format_utc_time,
    local_endpoint,
    local_entrances,
)
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_deployment_ids, find_stack_names
from semantest_iac.presentation.cli.parsing.deployed_stacks import (
    find_deployed,
    is_live,
    list_deployed,
    select_deployed_if_any,
)
from semantest_iac.presentation.cli.session import PlacedStack, Session, StackSelector
from semantest_iac.presentation.cli.tables import (
    Column,
    GrowingTable,
    format_age,
    format_fitting_table,
    format_local_time,
    format_pairs,
    unique_id_length,
    utc_now,
)
from semantest_iac.presentation.cli.text.details import format_changes, format_details
from semantest_iac.presentation.styles import style_text

NOTHING_DEPLOYED = "Nothing has been deployed yet."
NO_MATCH = "Nothing matches."

STATUS_HELP = """Show the latest deployment of every stack, newest first, and the endpoints that are live.

\b
  semantest-iac status
  semantest-iac status rest-api --env development --json
  semantest-iac status --watch
  semantest-iac status --deployment 5f2c91d0

With --watch, shows every change until Ctrl-C: on a terminal the whole table, elsewhere the rows that changed, with
--json one row per line. With --deployment, shows everything that is known of one deployment.
"""
STATUS_COLUMNS = (Column("stack"), Column("last", 1), Column("state"), Column("requested", 2), Column("endpoint", 3))

CHECK_COLUMN = Column("drift", 4)
"""Shown where workers look for drift."""


@click.command("status", help=STATUS_HELP)
@click.option("-w", "--watch", is_flag=True, help="Show every change until Ctrl-C.")
@click.option(
    "--deployment",
    metavar="ID",
    shell_complete=complete_with(find_deployment_ids),
    help="Everything about this deployment; the beginning of its id is enough.",
)
@filter_options
@session_options
def status_command(session: Session, selector: StackSelector, watch: bool, deployment: str | None) -> int:
    if deployment:
        return _show_deployment(session, selector, deployment, watch=watch)
    ledger, stack_filter = session.application.ledger, session.build_stack_filter(selector)
    rows = _read_status_rows(session, stack_filter)
    simulated = ((Stack.parse(row["stack"]), bool(row["simulated"])) for row in rows)
    session.warn_of_rehearsals(_to_placed(ledger, stack, is_simulated=it) for stack, it in simulated)
    if watch:
        _watch_status(session, stack_filter)
        return OK
    session.terminal.print_remarks(*_list_notes(rows))
    rows = _add_traffic(session, _add_approvals(session, rows))
    session.answer(rows, _format_status(session, rows))
    return OK


def _show_deployment(session: Session, selector: StackSelector, prefix: str, *, watch: bool) -> int:
    from semantest_iac.application.queries.deployment_details import read_deployment_details

    if watch or session.build_stack_filter(selector) != ALL_STACKS:
        hint = "Leave the other options out; `semantest-iac events --follow --deployment ID` shows what happens to it."
        raise ValidationError("Cannot use --deployment with other options: it names one deployment.", hint=hint)
    ledger = session.application.ledger
    details = read_deployment_details(ledger, find_deployment_id(ledger, prefix))
    _warn_of_recorded_rehearsals(session, [details["stack"]])
    [details] = _add_traffic(session, _add_approvals(session, [details]))
    numbers = _find_restored_numbers(ledger, [details])
    session.answer(details, format_pairs(format_details(details, numbers), session.terminal.width))
    return OK


def _read_status_rows(session: Session, stack_filter: StackFilter) -> list[dict[str, Any]]:
    rows = read_status(session.application.ledger, stack_filter)
    queue = session.application.run_queue
    return add_drift_checks(mark_interrupted(rows, lambda: queue.list_runs()), queue.list_checks())


def _list_notes(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["interrupted"]:
            yield f"Note: the process of the last {row['kind']} of {row['stack']} ended before it did."
            yield "  Run deploy or destroy for this stack: either ends it, and continues from what was done."
    yield from _hold_notes(rows)


def _add_approvals(session: Session, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with `approval`, what each waits for, and say so; most of the time nothing does."""
    if not any(row["state"] == DeploymentStatus.AWAITING_APPROVAL for row in rows):
        return [row | {"approval": None} for row in rows]
    from semantest_iac.presentation.cli.text.approvals import list_approval_notes

    waiting = {plan.deployment: plan for plan in session.application.approvals({}).list_waiting()}
    shown = [waiting[row["deployment"]] for row in rows if row["deployment"] in waiting]
    session.terminal.print_remarks(*list_approval_notes(shown))
    named = ((row, waiting.get(row["deployment"])) for row in rows)
    return [row | {"approval": plan.as_dict() if plan else None} for row, plan in named]


def _add_traffic(session: Session, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with `traffic` where a new version has a share of it, and say so."""
    if not any(row["state"] in CHANGING_STATUSES for row in rows):
        return list(rows)
    from semantest_iac.presentation.cli.text.traffic import list_traffic_notes

    shared = {one.deployment: one for one in session.application.shared_traffic({}).list_shared()}
    session.terminal.print_remarks(*list_traffic_notes(it for name, it in shared.items() if _has_row(rows, name)))
    named = ((row, shared.get(row["deployment"])) for row in rows)
    return [row | ({"traffic": one.as_dict()} if one else {}) for row, one in named]


def _has_row(rows: Sequence[dict[str, Any]], deployment: str) -> bool:
    return any(row["deployment"] == deployment for row in rows)


def _hold_notes(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Say which stacks are held, once for each."""
    for stack, holder in {row["stack"]: row["held_by"] for row in rows if row["held_by"]}.items():
        yield f"Note: deployment {holder} needs an operator, and holds {stack}: nothing else starts there."
        yield f"  Bring the stack in order, then run `semantest-iac resolve {holder}`."


def _format_status(session: Session, rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return [NO_MATCH if session.application.ledger.stacks() else _nothing_deployed(session)]
    width = session.terminal.width
    if not any(row["drift"] for row in rows):
        return format_fitting_table(STATUS_COLUMNS, [_status_cells(row, width) for row in rows], width)
    cells = [(*_status_cells(row, width), _describe_check(row, width)) for row in rows]
    return format_fitting_table((*STATUS_COLUMNS, CHECK_COLUMN), cells, width)


def _watch_status(session: Session, stack_filter: StackFilter) -> None:
    from semantest_iac.presentation.cli.text.following import WatchedRows, watch_rows

    changing = GrowingTable(STATUS_COLUMNS)
    watched = WatchedRows(
        partial(_read_status_rows, session, stack_filter),
        partial(_format_status, session),
        lambda rows: changing.add(_status_cells(row, None) for row in rows),
        _list_notes,
    )
    watch_rows(session, watched)


def _warn_of_recorded_rehearsals(session: Session, stacks: Iterable[str]) -> None:
    ledger = session.application.ledger
    owners = ((Stack.parse(stack), find_owning_engine(ledger, stack)) for stack in stacks)
    session.warn_of_rehearsals(
        _to_placed(ledger, stack, is_simulated=owner.is_simulated) for stack, owner in owners if owner is not None
    )


def _to_placed(ledger: LedgerReader, stack: Stack, *, is_simulated: bool) -> PlacedStack:
    """Return the stack with the environment that its own extended when it was last requested."""
    is_own = is_simulated and stack.environment not in ENVIRONMENTS
    base = find_recorded_base(ledger, str(stack)) if is_own else None
    return PlacedStack(stack, is_simulated, base or stack.environment)


def _nothing_deployed(session: Session) -> str:
    home = session.application.home
    return NOTHING_DEPLOYED if home.exists() or not session.home_option else f"{NOTHING_DEPLOYED[:-1]}: no '{home}'."


def _status_cells(row: dict[str, Any], width: int | None) -> tuple[str, ...]:
    simulated = " (simulated)" if row["simulated"] else ""
    name = "interrupted" if row["interrupted"] else row["state"]
    state = style_text(f"{name}{simulated}", row["state"])
    return (row["stack"], row["kind"], state, _format_age(row["requested_at"], width), row["endpoint"] or "-")


def _describe_check(row: dict[str, Any], width: int | None) -> str:
    if not row["drift_checked_at"]:
        return row["drift"] or "-"
    return f"{row['drift'].replace('_', ' ')}, {_format_age(row['drift_checked_at'], width)}"


def _format_age(recorded: str, width: int | None) -> str:
    """Format a time as its age on a terminal; elsewhere exactly, because the text may be kept."""
    return format_utc_time(recorded) if width is None else format_age(recorded, utc_now())


def _parse_stack_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    return None if value is None else str(Stack.parse(value))


_STACK_OPTION = click.option(
    "--stack",
    callback=_parse_stack_name,
    metavar="NAME",
    shell_complete=complete_with(find_stack_names),
    help="Only the stack with this full name.",
)

HISTORY_HELP = """List deployments and destroys, newest first.

\b
  semantest-iac history
  semantest-iac history rest-api --limit 5 --json
  semantest-iac history --stack rest-api.aws.development.us-east-1

The number of a deployment counts all requests for its stack that were accepted, deployments, destroys, rollbacks and
scalings, whatever became of them: `semantest-iac rollback rest-api --to 3` goes back to the third one.
"""
HISTORY_COLUMNS = (
    Column("deployment"),
    Column("stack"),
    Column("no.", 1),
    Column("kind", 2),
    Column("state"),
    Column("requested", 3),
    Column("changes", 4),
)


@click.command("history", help=HISTORY_HELP)
@_STACK_OPTION
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@filter_options
@session_options
def history_command(session: Session, selector: StackSelector, limit: int | None, stack: str | None) -> int:
    selector = selector.with_stack(stack) if stack else selector
    rows = read_history(session.application.ledger, session.build_stack_filter(selector), limit)
    _warn_of_recorded_rehearsals(session, dict.fromkeys(row["stack"] for row in rows))
    session.terminal.print_remarks(*_hold_notes(rows))
    rows = _add_traffic(session, _add_approvals(session, rows))
    shorten_id, width = _id_shortener(session, [row["deployment"] for row in rows]), session.terminal.width
    numbers = _find_restored_numbers(session.application.ledger, rows)
    cells = [(shorten_id(row["deployment"]), *_history_cells(row, width, numbers)) for row in rows]
    session.answer(rows, format_fitting_table(HISTORY_COLUMNS, cells, width) if rows else [NO_MATCH])
    return OK


def _find_restored_numbers(ledger: LedgerReader, rows: Iterable[Mapping[str, Any]]) -> dict[str, int | None]:
    """Map each deployment that was restored to its number, also where it is not among the rows itself."""
    restored = {row["restored_deployment"] for row in rows if "restored_deployment" in row}
    found = (ledger.deployment(deployment) for deployment in restored)
    return {row.deployment: row.number for row in found if row is not None}


def _history_cells(
    row: dict[str, Any], width: int | None, restored_numbers: Mapping[str, int | None]
) -> tuple[str, ...]:
    is_planned = row["state"] in UNCHANGED_STATUSES
    changes, number = format_changes(row["changes"], is_planned=is_planned), str(row["number"] or "-")
    state = style_text(row["state"], row["state"])
    back_to = restored_numbers.get(row.get("restored_deployment", ""))
    kind = f"{row['kind']} to {back_to}" if back_to else row["kind"]
    return (row["stack"], number, kind, state, _format_age(row["requested_at"], width), changes)


def _id_shortener(session: Session, ids: Collection[str]) -> Callable[[str], str]:
    """Return a function that cuts ids to prefixes that are unique in the ledger; off a terminal ids stay whole."""
    if session.terminal.width is None or session.json:
        return str
    length = unique_id_length([*ids, *session.application.ledger.list_similar_ids(ids)])
    return lambda id_: id_[:length]


OUTPUTS_HELP = """Show the outputs of a stack's last good deployment, except secret ones.

\b
  semantest-iac outputs rest-api
  semantest-iac outputs --region us-east-1 --json

If more than one stack is live, name one or add options. `local_endpoint` is the address of a simulated stack while
`semantest-iac serve` runs.
"""


@click.command("outputs", help=OUTPUTS_HELP)
@filter_options
@session_options
def outputs_command(session: Session, selector: StackSelector) -> int:
    ledger, stack = session.application.ledger, _select_live_stack(session, selector)
    _warn_of_recorded_rehearsals(session, [stack])
    outputs = read_outputs(ledger, stack)
    if is_served_locally(ledger, stack):
        gateway = session.application.serving_address() or DEFAULT_GATEWAY_URL
        row = ledger.stack(stack)
        found = local_entrances(stack, find_entrances(row), row.outputs, gateway)
        local = {f"local_{entrance}_url": url for entrance, url in found.items()}
        outputs |= local or {"local_endpoint": local_endpoint(stack, find_component_type_of(row), gateway)}
    width = session.terminal.width
    session.answer(outputs, format_pairs(list(flatten_values(outputs)), width) if outputs else ["No outputs."])
    return OK


def _select_live_stack(session: Session, selector: StackSelector) -> str:
    """Return the only live stack that fits; raises ValidationError if several do, NotFoundError if none does."""
    session.build_stack_filter(selector)
    ledger = session.application.ledger
    selected = select_deployed_if_any(session, selector, is_wanted=is_live)
    if live := find_deployed(ledger, selected, is_live):
        return live[0]
    faults = list_deployed(session, selector, is_live)
    hint = "" if faults else "`semantest-iac status` lists the deployed stacks."
    raise NotFoundError("Cannot read outputs: no matching stack is live.", hint=hint, faults=faults)


EVENTS_HELP = """List events in the order in which they were recorded.

\b
  semantest-iac events rest-api --limit 20
  semantest-iac events --stack rest-api.aws.development.us-east-1 --after 12 --limit 100
  semantest-iac events --follow --limit 10

With --json, prints CloudEvents; pass the `sequence` of the last one to --after to continue reading. With --follow,
prints each event on a line of its own, also with --json, and goes on until Ctrl-C; with --deployment until its end.
`semantest-iac events dead-letters list` shows the messages that could not be read or not be published.
"""
EVENT_TABLE_COLUMNS = (
    Column("position"),
    Column("time"),
    Column("type"),
    Column("stack", 1),
    Column("deployment", 2, "out"),
)
_TYPE_PREFIX = "infrastructure."


@click.command("list", help=EVENTS_HELP)
@_STACK_OPTION
@click.option(
    "--deployment",
    metavar="ID",
    shell_complete=complete_with(find_deployment_ids),
    help="Only this deployment; the beginning of its id is enough.",
)
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Only events after position N.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N; with --after, the first N after it."
)
@click.option("--journal", is_flag=True, help="Include the steps of deployments.")
@click.option("-f", "--follow", is_flag=True, help="Then print new events until Ctrl-C.")
@filter_options
@session_options
def list_events_command(
    session: Session,
    selector: StackSelector,
    after: int | None,
    limit: int | None,
    deployment: str | None,
    follow: bool,
    **selection: Any,
) -> int:
    """Without --after the newest events are shown, with it the next ones, in both cases oldest first."""
    stack_filter = session.build_stack_filter(selector)
    reads_on = after is not None
    if follow and reads_on and limit is not None:
        hint = "Leave one of them out."
        raise ValidationError("Cannot use --limit with --after and --follow: all new events come after it.", hint=hint)
    ledger_limit = limit if reads_on and stack_filter == ALL_STACKS else None  # else the filter comes before the limit
    ledger = session.application.ledger
    id_ = find_deployment_id(ledger, deployment) if deployment else None
    found = read_events(ledger, deployment=id_, **selection, after=after or 0, limit=ledger_limit)
    matching = [event for event in found if stack_filter.matches_event(event)]
    if limit is not None:
        matching = matching[:limit] if reads_on else matching[-limit:]
    if follow:
        last = int(matching[-1]["sequence"]) if matching else after or 0
        _follow_events(session, matching, stack_filter, EventSelection(deployment=id_, **selection), last)
        return OK
    shorten_id, width = _id_shortener(session, _deployments_of(matching)), session.terminal.width
    cells = [_event_cells(event, width, shorten_id) for event in matching]
    session.answer(matching, format_fitting_table(EVENT_TABLE_COLUMNS, cells, width) if matching else [NO_MATCH])
    return OK


def _follow_events(
    session: Session,
    recorded: Sequence[dict[str, Any]],
    stack_filter: StackFilter,
    selection: EventSelection,
    after: int,
) -> None:
    """Show the recorded events, then the new ones."""
    from semantest_iac.presentation.cli.text.following import show_new_events

    width = session.terminal.width
    table, shorten_id = GrowingTable(EVENT_TABLE_COLUMNS, width), _id_shortener(session, _deployments_of(recorded))

    def show(event: Mapping[str, Any]) -> None:
        if stack_filter.matches_event(event):
            session.answer(event, [] if session.json else table.add([_event_cells(event, width, shorten_id)]))
            _show_wait(session, event)

    for event in recorded:
        show(event)
    show_new_events(session, selection, after, show)


def _show_wait(session: Session, event: Mapping[str, Any]) -> None:
    """Say what to run where the event is a request for an approval that is waited for now."""
    if event["type"] != "infrastructure.approval.requested":
        return
    from semantest_iac.presentation.cli.text.approvals import list_approval_notes

    waiting = session.application.approvals({}).find_waiting(event["data"]["deployment_id"])
    if waiting and event["id"] == str(waiting.asked.id):
        session.terminal.print_remarks(*list_approval_notes([waiting]))


def _deployments_of(events: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(event["data"]["deployment_id"]) for event in events if event["data"].get("deployment_id")}


def _event_cells(event: Mapping[str, Any], width: int | None, shorten_id: Callable[[str], str]) -> tuple[str, ...]:
    """Return the cells; on a terminal the local time, and the type without the prefix that all have."""
    type_, stack = event["type"], event.get("subject") or "-"
    deployment = shorten_id(event["data"].get("deployment_id", "-"))
    if width is None:
        return (event["sequence"], format_utc_time(event["time"]), type_, stack, deployment)
    time, type_ = format_local_time(event["time"], utc_now()), type_.removeprefix(_TYPE_PREFIX)
    return (event["sequence"], time, type_, stack, deployment)
