"""`events`, `publish` and `subscriptions`: what was recorded, what comes in, and what it would lead to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import Fault, RefusedError, StorageError, ValidationError
from semantest_iac.presentation.cli.commands.ledger import list_events_command
from semantest_iac.presentation.cli.failures import FAILED, OK, REFUSED, STATE_EXIT_CODES, choose_worst_code
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import file_options, session_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_dead_letters, find_event_sources
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.cli.tables import Column, format_fitting_table

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.event_requests import BuiltRequest
    from semantest_iac.application.intake.infrastructure_event_bus import EventResult
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.intake.subscriptions import RequestedChange
    from semantest_iac.application.ports.event_transports import DeadLetter, ReceivedMessage
    from semantest_iac_events.infrastructure import ScalingTriggered

COMMAND_SOURCE = "publish"
"""The name under which events are received that a person or a script publishes."""

LISTING, DEAD_LETTERS = "list", "dead-letters"


class _EventsGroup(CommandGroup):
    """Lists events unless another command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the listing before its options."""
        words = args if args[:1] and args[0].lower() in self.commands else [LISTING, *args]
        return click.Group.parse_args(self, ctx, words)


@click.group("events", cls=_EventsGroup, add_help_option=False)
def events_command() -> None:
    """List the recorded events, and the messages that could not be read."""


events_command.add_command(list_events_command, LISTING)


DEAD_LETTERS_HELP = """List, show, replay and remove messages that could not be read or not be published.

\b
  semantest-iac events dead-letters list
  semantest-iac events dead-letters show 9f2c
  semantest-iac events dead-letters replay 9f2c
"""
_LETTER_COLUMNS = (Column("id"), Column("failed"), Column("direction", 1), Column("transport"), Column("reason", 2))


@events_command.group(DEAD_LETTERS, cls=CommandGroup, help=DEAD_LETTERS_HELP)
def dead_letters_command() -> None: ...


@dead_letters_command.command("list", help="List the dead letters, oldest first.")
@session_options
def list_dead_letters(session: Session) -> int:
    letters = session.application.dead_letters.list()
    cells = [
        (it.id[:12], _format_time(it.failed_at), it.direction, it.transport, f"{it.code}: {it.reason}")
        for it in letters
    ]
    lines = format_fitting_table(_LETTER_COLUMNS, cells, session.terminal.width) if cells else ["No dead letters."]
    session.answer([_letter_as_dict(letter) for letter in letters], lines)
    return OK


@dead_letters_command.command("show", help="Show a dead letter; the beginning of its id is enough.")
@click.argument("letter", shell_complete=complete_with(find_dead_letters))
@session_options
def show_dead_letter(session: Session, letter: str) -> int:
    found = session.application.dead_letters.get(letter)
    value = _letter_as_dict(found) | {"headers": dict(found.headers), "body": _show_body(found)}
    head = [f"{name}: {make_printable(str(text), 2000)}" for name, text in value.items() if name not in _OWN_LINES]
    headers = [f"  {name}: {make_printable(text, 500)}" for name, text in found.headers.items()]
    session.answer(value, [*head, *headers, "", *_show_body(found).splitlines()])
    return OK


_OWN_LINES = ("headers", "body")


REPLAY_HELP = """Take received dead letters again, and publish the others again.

Letters that can be read now, or that their target takes now, are removed.
"""


@dead_letters_command.command("replay", help=REPLAY_HELP)
@click.argument("letters", nargs=-1, shell_complete=complete_with(find_dead_letters))
@click.option("--all", "everything", is_flag=True, help="All of them.")
@file_options
@session_options
def replay_dead_letters(
    session: Session, options: ConfigurationOptions, letters: tuple[str, ...], everything: bool
) -> int:
    require_writable_home(session.application.home)
    chosen = _choose_letters(session, letters, everything=everything)
    code = OK
    for letter in chosen:
        if letter.direction == "published":
            _publish_letter(session, options, letter)
            continue
        results = _receive(session, options, _to_message(letter))
        asyncio.run(session.application.dead_letters.remove(letter.id))
        code = choose_worst_code((code, _answer_results(session, results, {"dead_letter": letter.id})))
    if not chosen:
        session.answer([], ["No dead letters."])
    return code


@dead_letters_command.command("remove", help="Remove a dead letter for good.")
@click.argument("letter", shell_complete=complete_with(find_dead_letters))
@session_options
def remove_dead_letter(session: Session, letter: str) -> int:
    found = session.application.dead_letters.get(letter)
    asyncio.run(session.application.dead_letters.remove(found.id))
    session.answer({"dead_letter": found.id, "removed": True}, [f"Dead letter {found.id[:12]} is removed."])
    return OK


PUBLISH_HELP = """Send an event through the same way in as the sources of a worker.

\b
  semantest-iac publish event.json
  semantest-iac publish - --wait < event.json

Takes a CloudEvent in JSON or any of Semantest's envelopes, from a file or from stdin (-). The request is queued for a
worker; with --wait, returns when every deployment that the event led to has ended, with the exit code of the worst. One
whose plan waits for an approval is not waited for: exit code 3.
The same event again leads to nothing new.
"""
_FILE_ARGUMENT = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))


@click.command("publish", help=PUBLISH_HELP)
@_FILE_ARGUMENT
@click.option("--wait", is_flag=True, help="Wait for the terminal event of each deployment.")
@file_options
@session_options
def publish_command(session: Session, options: ConfigurationOptions, file: Path, wait: bool) -> int:
    require_writable_home(session.application.home)
    results = _receive(session, options, _read_file(file))
    if not wait:
        return _answer_results(session, results, {})
    return asyncio.run(_wait_for_all(session, results))


SUBSCRIPTIONS_HELP = """Show what events lead to, by the `subscriptions` of semantest.yaml.

\b
  semantest-iac subscriptions list
  semantest-iac subscriptions test event.json
"""


@click.group("subscriptions", cls=CommandGroup, help=SUBSCRIPTIONS_HELP)
def subscriptions_command() -> None: ...


_SUBSCRIPTION_COLUMNS = (Column("name"), Column("event"), Column("action"), Column("component"), Column("environment"))


@subscriptions_command.command("list", help="List the subscriptions of the configuration.")
@file_options
@session_options
def list_subscriptions(session: Session, options: ConfigurationOptions) -> int:
    subscriptions = _load_configuration(session, options).configuration.subscriptions
    rows = [
        {"name": name} | subscription.model_dump(mode="json", exclude_unset=True)
        for name, subscription in subscriptions.items()
    ]
    cells = [
        (name, it.event, it.action, it.component or "-", it.environment or "development")
        for name, it in subscriptions.items()
    ]
    table = format_fitting_table(_SUBSCRIPTION_COLUMNS, cells, session.terminal.width)
    session.answer(rows, table if cells else ["The configuration has no subscriptions."])
    return OK


@subscriptions_command.command("test", help="Say what an event would lead to, and why; nothing is recorded.")
@_FILE_ARGUMENT
@click.option(
    "--source",
    default=COMMAND_SOURCE,
    metavar="NAME",
    shell_complete=complete_with(find_event_sources),
    help="The source that it is said to come from.",
)
@file_options
@session_options
def test_subscriptions(session: Session, options: ConfigurationOptions, file: Path, source: str) -> int:
    sources = _load_configuration(session, options).configuration.event_sources
    if source not in (*sources, COMMAND_SOURCE):
        fault = Fault("--source", f"'{make_printable(source)}' is not a source", suggest_known(source, list(sources)))
        raise ValidationError("Cannot test the event.", faults=[fault])
    message = _read_file(file, source)
    bus = session.application.event_bus(session.application.folder_variables, options.config, options.overrides)
    for event in _read_events(session, message):
        changes, reasons = bus.explain(event)
        answers = [_describe_change(change, built) for change, built in changes]
        value = {"event": str(event.id), "type": event.type, "reasons": list(reasons), "changes": answers}
        lines = [f"{make_printable(event.type)} from {source}:", *(f"  {reason}" for reason in reasons)]
        session.answer(value, [*lines, *(line for answer in answers for line in _format_change(answer))])
    return OK


def _load_configuration(session: Session, options: ConfigurationOptions) -> LoadedConfiguration:
    loaded = session.load_configuration(StackSelector(), options)
    if loaded.faults:
        raise ValidationError("The configuration has faults.", faults=loaded.faults)
    return loaded


def _describe_change(change: RequestedChange, built: BuiltRequest | str) -> dict[str, Any]:
    described: dict[str, Any] = {"action": change.action, "subscription": change.subscription or None}
    if isinstance(built, str):
        return described | {"stack": built, "refusal": None}
    from semantest_iac_events.infrastructure import ScalingTriggered  # imports pydantic

    refusal = built.refusal
    if isinstance(built.request, ScalingTriggered):
        described["instances"] = _describe_instances(built.request)
    return described | {"stack": built.request.stack, "refusal": asdict(refusal) if refusal else None}


def _describe_instances(request: ScalingTriggered) -> dict[str, str]:
    """Return the numbers and steps that are asked for: `{"min": "+2", "max": "50"}`."""
    ends = {"min": (request.min_instances, request.min_step), "max": (request.max_instances, request.max_step)}
    asked = {end: f"{step:+d}" if number is None else str(number) for end, (number, step) in ends.items()}
    return {end: count for end, count in asked.items() if count != "+0"}


def _format_change(answer: dict[str, Any]) -> Iterator[str]:
    refusal = answer["refusal"]
    if refusal is None:
        instances = ", ".join(f"{end} {count}" for end, count in answer.get("instances", {}).items())
        yield f"  Would {answer['action']} {answer['stack']}{f': {instances}' if instances else ''}."
        return
    yield f"  Would be refused for {answer['stack']}: {refusal['reason']}"
    if refusal["hint"]:
        yield f"    {refusal['hint']}"


def _read_file(file: Path, source: str = COMMAND_SOURCE) -> ReceivedMessage:
    from semantest_iac.application.ports.event_transports import ReceivedMessage

    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise StorageError(
            f"Cannot read '{file}': {error.strerror or error}.",
            hint="Name a file with an event, or - for stdin.",
        ) from error
    return ReceivedMessage(source, body)


def _read_events(session: Session, message: ReceivedMessage) -> list[ReceivedEvent]:
    from semantest_iac_events.forms.fields import EventFormError

    try:
        return session.application.read_message(message)
    except EventFormError as error:
        faults = [Fault(fault.path or "event", fault.message) for fault in error.faults]
        hint = "Write a CloudEvent in JSON or one of Semantest's envelopes; events/schemas has the form of every type."
        raise ValidationError("Cannot read the event.", hint=hint, faults=faults) from error


def _receive(session: Session, options: ConfigurationOptions, message: ReceivedMessage) -> list[EventResult]:
    application = session.application
    events = _read_events(session, message)
    bus = application.event_bus(application.folder_variables, options.config, options.overrides)

    async def receive() -> list[EventResult]:
        sent = [replace(event, sender=session.user_name) for event in events]
        return [result for event in sent for result in await bus.receive(event)]

    return asyncio.run(receive())


_MESSAGES = {
    "accepted": "Queued deployment {deployment} of {stack} for a worker. {reason}",
    "duplicate": "{reason}",
    "checking": "Drift of {stack} is looked for by the next worker that is free.",
    "skipped": "Nothing is to be done. {reason}",
    "refused": "Refused for {stack}: {reason}",
}


def _answer_results(session: Session, results: Sequence[EventResult], more: dict[str, str]) -> int:
    for result in results:
        text = _MESSAGES[result.outcome].format(
            deployment=result.deployment, stack=result.stack or "the event", reason=result.reason
        )
        session.answer(more | asdict(result), [text.rstrip()])
    return REFUSED if any(result.outcome == "refused" for result in results) else OK


async def _wait_for_all(session: Session, results: Sequence[EventResult]) -> int:
    """Return the exit code of the worst deployment once all have ended, or wait for an approval."""
    from semantest_iac.application.queries.following import follow_deployment
    from semantest_iac.application.queries.history import find_deployment
    from semantest_iac.presentation.cli.text.approvals import list_approval_notes
    from semantest_iac_events.deployments import ApprovalRequested

    code = _answer_results(session, results, {})
    ledger, approvals = session.application.ledger, session.application.approvals({})
    for deployment in dict.fromkeys(it.deployment for it in results if it.outcome in ("accepted", "duplicate")):
        async with aclosing(follow_deployment(ledger, deployment)) as events:
            async for recorded in events:
                if recorded.type == ApprovalRequested.type_name and (waiting := approvals.find_waiting(deployment)):
                    session.terminal.print_remarks(*list_approval_notes([waiting]))
                    break
        row = find_deployment(ledger, deployment)
        answer = {"deployment": deployment, "stack": row.stack, "state": str(row.state)}
        session.answer(answer, [f"Deployment {deployment} of {row.stack}: {row.state.replace('_', ' ')}."])
        code = choose_worst_code((code, STATE_EXIT_CODES.get(row.state, FAILED)))
    return code


def _choose_letters(session: Session, named: Sequence[str], *, everything: bool) -> list[DeadLetter]:
    store = session.application.dead_letters
    if everything is bool(named):
        raise click.UsageError("Name dead letters, or give --all.")
    chosen = store.list() if everything else [store.get(it) for it in named]
    for letter in chosen:
        if letter.code == "MESSAGE_FORGED":
            raise RefusedError(f"Cannot replay {letter.id[:12]}: it is not from who it should be.")
        if not letter.is_complete:
            hint = "Ask its sender to send it again."
            raise RefusedError(f"Cannot replay {letter.id[:12]}: secrets in it were masked.", hint=hint)
    return chosen


def _publish_letter(session: Session, options: ConfigurationOptions, letter: DeadLetter) -> None:
    from semantest_iac.application.relay.replay import publish_dead_letter

    loaded = _load_configuration(session, options)
    asyncio.run(publish_dead_letter(letter, session.application.event_targets(loaded)))
    asyncio.run(session.application.dead_letters.remove(letter.id))
    answer = {"dead_letter": letter.id, "outcome": "published", "target": letter.transport}
    session.answer(answer, [f"Published {letter.id[:12]} to '{make_printable(letter.transport)}'."])


def _to_message(letter: DeadLetter) -> ReceivedMessage:
    from semantest_iac.application.ports.event_transports import ReceivedMessage

    return ReceivedMessage(letter.transport, letter.body, letter.headers, letter.place)


def _letter_as_dict(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "failed_at": _format_time(letter.failed_at),
        "direction": letter.direction,
        "transport": letter.transport,
        "place": letter.place,
        "code": letter.code,
        "reason": letter.reason,
        "size": len(letter.body),
        "complete": letter.is_complete,
    }


def _show_body(letter: DeadLetter) -> str:
    text = letter.body.decode("utf-8", "replace")
    return "\n".join(make_printable(line, 100_000) for line in text.splitlines())


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
