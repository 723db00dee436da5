"""`events --follow` and `status --watch`: show what the ledger records as it comes, until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from semantest_iac.application.queries.following import follow_events, follow_log
from semantest_iac.application.queries.history import EventSelection
from semantest_iac.presentation.cli.process.signals import forward_signals
from semantest_iac.presentation.cli.session import Session

ShowEvent = Callable[[Mapping[str, Any]], None]
ReadRows = Callable[[], Sequence[dict[str, Any]]]
FormatRows = Callable[[Sequence[dict[str, Any]]], Iterable[str]]
STOP_HINT = "Press Ctrl-C to stop."


def show_new_events(session: Session, selection: EventSelection, after: int, show: ShowEvent) -> None:
    """Show the events of the selection as they are recorded; returns once nobody reads them any more.

    Those of a deployment end with its terminal event.
    """

    async def follow() -> None:
        async with aclosing(follow_events(session.application.ledger, selection, after)) as events:
            async for event in events:
                show(event)
                if not session.terminal.has_reader:
                    return

    if session.terminal.has_reader:
        _run_until_signal(follow())


class WatchedRows(NamedTuple):
    """Rows that have a `stack` each: how they are read, formatted as a table, and when only some have changed."""

    read: ReadRows
    format_all: FormatRows
    format_changed: FormatRows
    format_notes: FormatRows


def watch_rows(session: Session, watched: WatchedRows) -> None:
    """Show the rows whenever they change: on a terminal all of them, elsewhere those that changed.

    With `--json` every row is a line of its own.
    """

    async def watch() -> None:
        ledger, shown = session.application.ledger, dict[str, dict[str, Any]]()
        drawn: list[str] = []
        head = await asyncio.to_thread(ledger.head)
        async with aclosing(follow_log(ledger, head.position)) as batches:
            async for _ in batches:
                rows = await asyncio.to_thread(watched.read)
                if session.terminal.is_interactive and not session.json:
                    lines = [*watched.format_all(rows), *watched.format_notes(rows), STOP_HINT]
                    if lines != drawn:
                        drawn = lines
                        session.terminal.redraw(*lines)
                    continue
                changed = [row for row in reversed(rows) if shown.get(row["stack"]) != row]
                shown |= {row["stack"]: row for row in changed}
                _show_changed(session, changed, watched)
                if not session.terminal.has_reader:
                    return

    _run_until_signal(watch())


def _show_changed(session: Session, rows: Sequence[dict[str, Any]], watched: WatchedRows) -> None:
    session.terminal.print_remarks(*watched.format_notes(rows))
    if session.json:
        for row in rows:
            session.terminal.print_json(row)
    elif rows:
        session.terminal.print_lines(*watched.format_changed(rows))


def _run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine until it ends, or SIGINT, SIGTERM or SIGHUP cancels it; a second signal ends the process."""
    asyncio.run(_await_until_signal(work))


async def _await_until_signal(work: Coroutine[Any, Any, None]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    with (
        forward_signals(lambda *_: loop.call_soon_threadsafe(task.cancel), forced_from=2),
        suppress(asyncio.CancelledError),
    ):
        await task
