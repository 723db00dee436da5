"""`worker`, `queue` and `cancel`: who carries out requests, and which ones wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.application.queries.history import find_deployment_id
from semantest_iac.presentation.cli.failures import CANCELLED, OK
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_deployment_ids
from semantest_iac.presentation.cli.process.signals import forward_signals
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.tables import Column, format_fitting_table

if TYPE_CHECKING:
    from semantest_iac.application.ports.run_queue import QueuedRun
    from semantest_iac.application.worker import Worker
    from semantest_iac_events.event import Event

EMPTY_QUEUE = "Nothing waits, and nothing is carried out."
_JOURNAL = "infrastructure.journal."

WORKER_HELP = """Carry out queued requests until SIGTERM or Ctrl-C.

\b
  semantest-iac worker
  semantest-iac worker --slots 4
  semantest-iac worker --until-idle

Takes what `deploy --detach` or another machine has queued, one deployment of a stack at a time, and goes on with
deployments whose worker is gone. Several workers share the queue. Secrets are taken from this process's environment
and .env file. Nobody can be asked: a plan that replaces or deletes resources of a real cloud is rejected.

The first signal lets deployments in progress end and starts no other one; the second one cancels them. With --json,
prints one event per line.
"""


@click.command("worker", help=WORKER_HELP)
@click.option("--slots", type=click.IntRange(1, 64), default=1, show_default=True, help="Deployments at a time.")
@click.option("--until-idle", is_flag=True, help="End when nothing is left that could be carried out now.")
@session_options
def worker_command(session: Session, slots: int, until_idle: bool) -> int:
    require_writable_home(session.application.home)
    worker = session.application.worker(session.application.folder_variables, _show_events(session))
    if not session.json and not until_idle:
        session.terminal.print_lines(f"Waiting for requests, {slots} at a time. Press Ctrl-C to stop.")
    return asyncio.run(_work(session, worker, slots, until_idle=until_idle))


async def _work(session: Session, worker: Worker, slots: int, *, until_idle: bool) -> int:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    working = asyncio.ensure_future(worker.run_until_idle() if until_idle else worker.serve(slots, stopped))

    def stop(count: int, name: str) -> None:
        if count == 1 and not until_idle:
            stopped.set()
            session.terminal.print_remarks(f"Stopping after the deployments in progress; {name} again cancels them.")
        else:
            working.cancel()

    with forward_signals(lambda count, name: loop.call_soon_threadsafe(stop, count, name)):
        await asyncio.wait([working])
    if working.cancelled():
        return CANCELLED
    working.result()
    return OK


def _show_events(session: Session) -> Any:
    from semantest_iac_events.forms.cloudevents import to_cloudevent

    def show(event: Event) -> None:
        if event.type_name.startswith(_JOURNAL):
            return
        if session.json:
            session.terminal.print_json(to_cloudevent(event))
        else:
            moment = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            session.terminal.print_lines(f"{moment}  {event.subject or '-'}  {event.type_name}")

    return show


QUEUE_HELP = """List the requests that wait or are carried out, in the order of acceptance.

\b
  semantest-iac queue
  semantest-iac queue --json
"""
_COLUMNS = (Column("deployment"), Column("stack"), Column("state"), Column("worker", 1), Column("attempts", 2, "out"))


@click.command("queue", help=QUEUE_HELP)
@session_options
def queue_command(session: Session) -> int:
    runs = session.application.run_queue.list_runs()
    lines: Sequence[str] = [EMPTY_QUEUE]
    if runs:
        lines = format_fitting_table(_COLUMNS, [_run_cells(run) for run in runs], session.terminal.width)
    session.answer([_run_as_dict(run) for run in runs], lines)
    return OK


def _run_cells(run: QueuedRun) -> tuple[str, ...]:
    return (run.deployment, run.stack, _describe_state(run), str(run.holder or "-"), str(run.attempts))


def _describe_state(run: QueuedRun) -> str:
    if run.is_abandoned:
        return "left by a dead worker"
    if run.is_cancelled:
        return "cancelling"
    due = f" until {_format_moment(run.due)}" if run.due else ""
    return f"{run.state}{due}"


def _run_as_dict(run: QueuedRun) -> dict[str, Any]:
    holder = None if run.holder is None else {"host": run.holder.host, "pid": run.holder.pid}
    return {
        "deployment": run.deployment,
        "stack": run.stack,
        "state": run.state,
        "priority": run.priority,
        "attempts": run.attempts,
        "due": None if run.due is None else _format_moment(run.due),
        "worker": holder,
        "cancelling": run.is_cancelled,
        "abandoned": run.is_abandoned,
    }


def _format_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


CANCEL_HELP = """Cancel a deployment that waits or is carried out, by whichever process.

\b
  semantest-iac cancel 5f2c91d0
  semantest-iac queue

The beginning of the deployment's id is enough. One that waits ends at once; one that is carried out ends after its
current operation. `semantest-iac events --deployment ID --follow` shows when.
"""


@click.command("cancel", help=CANCEL_HELP)
@click.argument("deployment", shell_complete=complete_with(find_deployment_ids))
@session_options
def cancel_command(session: Session, deployment: str) -> int:
    application = session.application
    id_ = find_deployment_id(application.ledger, deployment)
    state = asyncio.run(application.queued_requests(application.folder_variables).cancel(id_))
    ended = {"cancelled": "is cancelled.", "cancelling": "ends after its current operation."}
    session.answer({"deployment": id_, "state": state}, [f"Deployment {id_} {ended[state]}"])
    return OK
