"""`worker`, `queue`, `cancel` and `resolve`: who carries out requests, which ones wait, and for what."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.application.queries.history import find_deployment_id
from semantest_iac.domain.errors import DeploymentError, Fault, ValidationError
from semantest_iac.domain.guardrails.consent import require_resolve_consent
from semantest_iac.presentation.cli.failures import CANCELLED, OK, exit_code_for
from semantest_iac.presentation.cli.formatting import format_moment
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import file_options, session_options
from semantest_iac.presentation.cli.parsing.completion import (
    complete_with,
    find_deployment_ids,
    find_holding_deployments,
)
from semantest_iac.presentation.cli.parsing.periods import parse_period
from semantest_iac.presentation.cli.process.signals import forward_signals
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session
from semantest_iac.presentation.cli.tables import Column, format_fitting_table
from semantest_iac.presentation.cli.text.approvals import list_approval_notes
from semantest_iac.presentation.error_lines import format_faults

if TYPE_CHECKING:
    from semantest_iac.application.operators.approvals import WaitingPlan
    from semantest_iac.application.ports.run_queue import QueuedRun
    from semantest_iac.application.worker_service import WorkerService, WorkerSettings
    from semantest_iac.presentation.cli.text.worker_output import WorkerOutput

EMPTY_QUEUE = "Nothing waits, and nothing is carried out."
_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s]+)):(\d{1,5})")
_HIGHEST_PORT = 65535


def _parse_address(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """Read HOST:PORT; an IPv6 address is in brackets."""
    if value is None:
        return None
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match[3]) > _HIGHEST_PORT:
        raise click.BadParameter("write it as 127.0.0.1:8099 or [::1]:8099.")
    return match[1] or match[2], int(match[3])


WORKER_HELP = """Carry out queued requests until SIGTERM or Ctrl-C.

\b
  semantest-iac worker
  semantest-iac worker --slots 4 --health-address 127.0.0.1:8099
  semantest-iac worker --until-idle

Takes what `deploy --detach` or another machine has queued, one deployment of a stack at a time, and goes on with
deployments whose worker is gone. Several workers share the queue. Secrets are taken from this process's environment
and .env file. Nobody can be asked: a plan that replaces or deletes resources of a real cloud is rejected.

The first signal lets deployments in progress end and starts no other one; the second one cancels them. With --json,
prints one event per line.

With --drift-every, looks for what was changed in the clouds outside of this tool, as `drift` does: each deployed stack
once in that time, by one of the workers that have the option. A deployment that is requested meanwhile comes first.

Receives events from the `event_sources` of semantest.yaml, and publishes to its `event_targets` what became of them;
not with --until-idle.

With --health-address, answers GET /healthz (503: start the process again) and GET /readyz (503: it would not carry out
a deployment now, with the reasons), for systemd, Docker and Kubernetes.
"""


@click.command("worker", help=WORKER_HELP)
@click.option("--slots", type=click.IntRange(1, 64), default=1, show_default=True, help="Deployments at a time.")
@click.option("--until-idle", is_flag=True, help="End when nothing is left that could be carried out now.")
@click.option(
    "--health-address",
    callback=_parse_address,
    metavar="HOST:PORT",
    help="Answer health checks there; a loopback address, port 0 takes a free one.",
)
@click.option(
    "--allow-remote-health",
    is_flag=True,
    help="Let --health-address be one that other machines reach, as probes of Kubernetes have to.",
)
@click.option(
    "--drift-every",
    "drift_period_s",
    callback=parse_period,
    metavar="TIME",
    help="Look for drift of every deployed stack once in that time: 30m, 6h or 1d.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a log on stderr, one JSON object for each line.",
)
@file_options
@session_options
def worker_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    options: ConfigurationOptions,
    slots: int,
    until_idle: bool,
    health_address: tuple[str, int] | None,
    allow_remote_health: bool,
    drift_period_s: float | None,
    log_format: str,
) -> int:
    from semantest_iac.application.worker_service import WorkerSettings

    require_writable_home(session.application.home)
    if drift_period_s is not None and until_idle:
        raise click.UsageError("--drift-every is for a worker that goes on; omit --until-idle.")
    if allow_remote_health and health_address is None:
        raise click.UsageError("--allow-remote-health is for a worker with --health-address; add it.")
    children = 0 if until_idle else slots  # starting one takes longer than a deployment or two
    settings = WorkerSettings(
        health_address,
        allow_remote_health,
        drift_period_s,
        children,
        options.config,
        options.overrides,
        receives_events=not until_idle,
    )
    output = _open_output(session, log_format)
    # One that ends soon prints everything; no reader of one that goes on can hold it up.
    printing = session.terminal.queue_output() if until_idle else session.terminal.print_in_background()
    try:
        with printing, output.take_log_records():
            return asyncio.run(_work(session, output, settings, slots, until_idle=until_idle))
    except DeploymentError as error:
        output.report_error(error)
        return exit_code_for(error)


def _open_output(session: Session, log_format: str) -> WorkerOutput:
    from semantest_iac.presentation.cli.text.worker_output import JsonWorkerLog, WorkerOutput

    if log_format == "text":
        return WorkerOutput(session.terminal, as_json=session.json)
    return JsonWorkerLog(session.terminal, f"{socket.gethostname()}:{os.getpid()}", as_json=session.json)


async def _work(
    session: Session, output: WorkerOutput, settings: WorkerSettings, slots: int, *, until_idle: bool
) -> int:
    variables = session.application.folder_variables
    reports = output.show_event, output.report_run, output.report_received
    opening = session.application.worker_service(variables, settings, *reports)
    async with opening as worker:
        if worker.health_url:
            text = f"Health checks are answered on {worker.health_url}/healthz and /readyz."
            output.announce("worker.health", text, url=worker.health_url)
        if not until_idle:
            text = f"Waiting for requests, {slots} at a time. Press Ctrl-C to stop."
            output.announce("worker.started", text, slots=slots)
        return await _run_worker(output, worker, slots, until_idle=until_idle)


async def _run_worker(output: WorkerOutput, worker: WorkerService, slots: int, *, until_idle: bool) -> int:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    working = asyncio.ensure_future(worker.run_until_idle() if until_idle else worker.serve(slots, stopped))

    def stop(count: int, name: str) -> None:
        if count == 1 and not until_idle:
            stopped.set()
            key = "Ctrl-C" if name == signal.SIGINT.name else name
            text = f"Stopping after the deployments in progress; {key} again cancels them."
            output.announce("worker.draining", text, signal=name)
        else:
            working.cancel()

    with forward_signals(lambda count, name: loop.call_soon_threadsafe(stop, count, name)):
        await asyncio.wait([working])
    if working.cancelled():
        return CANCELLED
    working.result()
    return OK


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
    waiting = {plan.deployment: plan for plan in session.application.approvals({}).list_waiting()}
    lines: Sequence[str] = [EMPTY_QUEUE]
    if runs:
        cells = [_run_cells(run, is_undecided=run.deployment in waiting) for run in runs]
        lines = format_fitting_table(_COLUMNS, cells, session.terminal.width)
    session.terminal.print_remarks(*list_approval_notes(waiting.values()))
    session.answer([_run_as_dict(run, waiting.get(run.deployment)) for run in runs], lines)
    return OK


def _run_cells(run: QueuedRun, *, is_undecided: bool) -> tuple[str, ...]:
    state = "waits for an approval" if is_undecided and not run.is_cancelled else _describe_state(run)
    return (run.deployment, run.stack, state, str(run.holder or "-"), str(run.attempts))


def _describe_state(run: QueuedRun) -> str:
    if run.is_abandoned:
        return "left by a dead worker"
    if run.is_cancelled:
        return "cancelling"
    if run.held_by:
        return f"held by {run.held_by}"
    if run.state == "checking":
        return "looking for drift"
    due = f" until {format_moment(run.due)}" if run.due else ""
    return f"{run.state}{due}"


def _run_as_dict(run: QueuedRun, waiting: WaitingPlan | None) -> dict[str, Any]:
    holder = None if run.holder is None else {"host": run.holder.host, "pid": run.holder.pid}
    return {
        "deployment": run.deployment,
        "stack": run.stack,
        "state": run.state,
        "priority": run.priority,
        "attempts": run.attempts,
        "due": None if run.due is None else format_moment(run.due),
        "worker": holder,
        "cancelling": run.is_cancelled,
        "abandoned": run.is_abandoned,
        "held_by": run.held_by,
        "approval": waiting.as_dict() if waiting else None,
    }


CANCEL_HELP = """Cancel a deployment that waits or is carried out, by whichever process.

\b
  semantest-iac cancel 5f2c91d0
  semantest-iac queue

The beginning of the deployment's id is enough. One that waits, be it for an approval, ends at once; one that is carried
out ends after its current operation. `semantest-iac events --deployment ID --follow` shows when.
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


RESOLVE_HELP = """Free a stack that a deployment holds because it needed an operator.

\b
  semantest-iac resolve 5f2c91d0
  semantest-iac resolve --deployment 5f2c91d0 --reason "deleted the role by hand" --yes

A deployment that could neither be carried out nor rolled back holds its stack: nothing else starts there. Look at what
is left (`preview --refresh`), bring it in order, then resolve the deployment. What waits for the stack starts then, and
the next deployment reads the cloud before it plans. The beginning of the deployment's id is enough. Asks for
confirmation; without a terminal, --yes is required.
"""
_HOLDING = complete_with(find_holding_deployments)


@click.command("resolve", help=RESOLVE_HELP)
@click.argument("named", required=False, metavar="[DEPLOYMENT]", shell_complete=_HOLDING)
@click.option("--deployment", metavar="ID", shell_complete=_HOLDING, help="The same as DEPLOYMENT.")
@click.option("--reason", default="", metavar="TEXT", help="What was done, for the ledger.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@session_options
def resolve_command(session: Session, named: str | None, deployment: str | None, reason: str, yes: bool) -> int:
    application, ledger = session.application, session.application.ledger
    held_stacks = application.held_stacks(application.folder_variables)
    hold = held_stacks.require_hold(find_deployment_id(ledger, _choose_deployment(session, named, deployment)))
    if not yes:
        head = f"Deployment {hold.deployment} holds {hold.stack}:"
        session.terminal.print_remarks(head, *format_faults(hold.faults))
        require_resolve_consent(hold.deployment, session.terminal.ask("Is the stack in order? [y/N] "))
    row = asyncio.run(held_stacks.resolve(hold.deployment, session.user_name, reason))
    waiting = [run.deployment for run in application.run_queue.list_runs([row.stack]) if run.state == "waiting"]
    answer = {
        "deployment": row.deployment,
        "stack": row.stack,
        "state": row.state,
        "resolved": True,
        "waiting": waiting,
    }
    more = [f"Left to a worker now: {', '.join(waiting)}"] if waiting else []
    session.answer(answer, [f"Deployment {row.deployment} is resolved, and {row.stack} is free.", *more])
    return OK


def _choose_deployment(session: Session, named: str | None, deployment: str | None) -> str:
    """Return the deployment that was named; raises ValidationError with those that hold stacks if none was, or two."""
    if (named is None) is not (deployment is None):
        return named or deployment or ""
    from semantest_iac.application.operators.held_stacks import list_held_stacks

    faults = [Fault(hold.deployment, f"holds {hold.stack}") for hold in list_held_stacks(session.application.ledger)]
    cause = "it is named twice" if named else "none is named"
    hint = "Name one of these." if faults else "No stack is held."
    raise ValidationError(f"Cannot choose a deployment: {cause}.", hint=hint, faults=faults)
