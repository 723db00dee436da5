"""`state`: looks after the states that Pulumi's engine keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.errors import ConfigurationError, RefusedError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_utc_time
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.cli.tables import Column, format_fitting_table

if TYPE_CHECKING:
    from semantest_iac.application.ports.stack_states import StackStates

STATE_HELP = """Look after the states that Pulumi's engine keeps: locks, backups, moves and the passphrase.

\b
  semantest-iac state list
  semantest-iac state locks
  semantest-iac state restore rest-api.aws.production.us-east-1

`state` in semantest.yaml says where they are; docs/team.md says how a team shares them. A STACK is the full name, or
the name of a component that has one state. The sandbox's own states are mended by `repair`.
"""
LOCK_COLUMNS = (Column("lock"), Column("stack"), Column("held by"), Column("does", 1), Column("since", 2))
BACKUP_COLUMNS = (Column("backup"), Column("written", 1))
_SHORT_ID = 8

_STACK = click.argument("stack")
_CONFIG = click.option("--config", type=click.Path(path_type=Path), metavar="PATH", help="Read this file.")
_CLOUD = click.option(
    "--cloud",
    type=click.Choice(["real", "sandbox"]),
    help="States of real clouds, or of those simulated in this home; by default as the ledger says, else real.",
)
_YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@dataclass(frozen=True, slots=True)
class _Opened:
    """The states of a backend, the variables that led to it, and the stack that was meant."""

    states: StackStates
    variables: Mapping[str, str]
    stack: str


@click.group("state", cls=CommandGroup, help=STATE_HELP)
def state_command() -> None: ...


def _state_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return _CONFIG(_CLOUD(session_options(command)))


def _open(session: Session, config: Path | None, cloud: str | None, word: str = "") -> _Opened:
    """Open the states; a word is the name of a stack, or of a component with one state."""
    from semantest_iac.domain.deployment.stack import Stack

    loaded = session.load_configuration(StackSelector(), ConfigurationOptions(config))
    if faults := [fault for fault in loaded.faults if fault.path.startswith("state")]:
        raise ConfigurationError("Cannot use the configuration.", faults=faults)
    named = word.strip().lower()
    states = session.application.states(loaded.variables, named or None, cloud)
    if named and "." not in named:
        found = [stack for stack in states.list_stacks() if Stack.parse(stack).component == named]
        if len(found) != 1:
            problem = f"it has {len(found)} states" if found else "it has no state"
            hint = "Name the stack, as `semantest-iac state list` shows it."
            raise RefusedError(f"Cannot choose a state of '{named}' in '{states.location}': {problem}.", hint=hint)
        named = found[0]
    return _Opened(states, loaded.variables, str(Stack.parse(named)) if named else "")


def _count(resources: int) -> str:
    return f"{resources} {'resource' if resources == 1 else 'resources'}"


def _require_consent(session: Session, question: str, *, yes: bool) -> None:
    if not yes and session.terminal.ask(f"{question} Type yes: ") != "yes":
        raise RefusedError("Cannot change the state: it was not confirmed.", "CONSENT_MISSING", hint="Add --yes.")


@state_command.command("list", help="List the stacks that have a state, and where it is.")
@_state_options
def list_states(session: Session, config: Path | None, cloud: str | None) -> int:
    states = _open(session, config, cloud).states
    stacks = states.list_stacks()
    session.answer(
        {"backend": states.location, "stacks": stacks},
        [f"States in '{states.location}':", *(f"  {it}" for it in stacks)],
    )
    return OK


@state_command.command("locks", help="Show who holds which stack: user, host, process, since when, and what it does.")
@_state_options
def list_locks(session: Session, config: Path | None, cloud: str | None) -> int:
    locks = _open(session, config, cloud).states.list_locks()
    answer = [
        {
            "lock": lock.id,
            "stack": stack,
            "user": lock.user,
            "host": lock.host,
            "pid": lock.pid,
            "since": lock.since.isoformat(),
            "command": lock.command,
            "stale": lock.is_stale,
        }
        for stack, lock in locks
    ]
    rows = [
        (
            lock.id[:_SHORT_ID],
            stack,
            f"{lock.user}@{lock.host} (process {lock.pid}){', has ended' if lock.is_stale else ''}",
            lock.command or "-",
            format_utc_time(lock.since.isoformat()),
        )
        for stack, lock in locks
    ]
    lines = format_fitting_table(LOCK_COLUMNS, rows, session.terminal.width) if rows else ["No stack is locked."]
    session.answer(answer, lines)
    return OK


_UNLOCK_HELP = """Delete a lock whose owner has certainly ended, such as that of a machine that is gone.

Look there first: while the owner runs, two processes would change the cloud at once. Locks of ended processes of this
machine need no command: the next run deletes them.
"""


@state_command.command("unlock", short_help="Delete a lock whose owner is gone.", help=_UNLOCK_HELP)
@_STACK
@click.option("--lock", required=True, metavar="ID", help="The lock, by the beginning of its id.")
@_YES
@_state_options
def unlock_state(session: Session, stack: str, lock: str, yes: bool, config: Path | None, cloud: str | None) -> int:
    opened = _open(session, config, cloud, stack)
    _require_consent(session, f"Has the owner of the lock of '{opened.stack}' certainly ended?", yes=yes)
    opened.states.unlock(opened.stack, lock)
    session.answer({"stack": opened.stack, "unlocked": lock}, [f"'{opened.stack}' is not locked by it any more."])
    return OK


@state_command.command("backups", help="List the backups of a stack's state, oldest first.")
@_STACK
@_state_options
def backups_command(session: Session, stack: str, config: Path | None, cloud: str | None) -> int:
    opened = _open(session, config, cloud, stack)
    backups = opened.states.list_backups(opened.stack)
    answer = [{"backup": it.name, "written": it.written.isoformat(), "file": it.file} for it in backups]
    rows = [(it.name, format_utc_time(it.written.isoformat())) for it in backups]
    lines = format_fitting_table(BACKUP_COLUMNS, rows, session.terminal.width) if rows else ["There is no backup."]
    session.answer(answer, lines)
    return OK


_BACKUP_HELP = """Write a backup of a stack's state beside it. Each run that changes the stack does so before and after.

The newest 20 are kept; a state that is that of the newest backup is not written again.
"""


@state_command.command("backup", short_help="Write a backup of a stack's state.", help=_BACKUP_HELP)
@_STACK
@_state_options
def back_up_command(session: Session, stack: str, config: Path | None, cloud: str | None) -> int:
    opened = _open(session, config, cloud, stack)
    backup = opened.states.back_up(opened.stack)
    session.answer({"stack": opened.stack, "backup": backup.name}, [f"Backup of '{opened.stack}': {backup.name}"])
    return OK


_RESTORE_HELP = """Put back a backup of a stack's state: the named one, else the newest that differs and can be read.

What is replaced is kept as a backup first. Then deploy with --refresh, so that the state learns what was changed since.
"""


@state_command.command("restore", short_help="Put back a backup of a stack's state.", help=_RESTORE_HELP)
@_STACK
@click.option("--backup", metavar="NAME", help="The backup, by the beginning of its name.")
@_YES
@_state_options
def restore_state(
    session: Session, stack: str, backup: str | None, yes: bool, config: Path | None, cloud: str | None
) -> int:
    opened = _open(session, config, cloud, stack)
    _require_consent(session, f"Replace the state of '{opened.stack}' by a backup?", yes=yes)
    restored, state = opened.states.restore(opened.stack, backup)
    count = len(state.live_resources)
    text = f"'{opened.stack}' has the state of {restored.name} again: {_count(count)}. Deploy it with --refresh."
    session.answer({"stack": opened.stack, "backup": restored.name, "resources": count}, [text])
    return OK


_EXPORT_HELP = (
    """Write a stack's state to FILE, or to stdout for -, as `pulumi stack export` does; secrets stay encrypted."""
)


@state_command.command("export", short_help="Write a stack's state to a file.", help=_EXPORT_HELP)
@_STACK
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@_state_options
def export_state(session: Session, stack: str, file: Path, force: bool, config: Path | None, cloud: str | None) -> int:
    opened = _open(session, config, cloud, stack)
    content = opened.states.export(opened.stack)
    if str(file) == "-":
        session.terminal.print_bytes(content)
        return OK
    if file.exists() and not force:
        message = f"Cannot export to '{file}': it exists."
        raise RefusedError(message, "FILE_EXISTS", hint="Add --force to overwrite it.")
    session.application.save_export(file, content.decode().splitlines())
    session.answer({"stack": opened.stack, "file": str(file)}, [f"Exported the state of '{opened.stack}' to '{file}'"])
    return OK


_IMPORT_HELP = """Put the state of FILE in place of a stack's, as `pulumi stack import` does.

Refused are files that are no state, states of another stack or project, and secrets that the passphrase does not open.
What is replaced is kept as a backup first.
"""


@state_command.command("import", short_help="Read a stack's state from a file.", help=_IMPORT_HELP)
@_STACK
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False, exists=True))
@_YES
@_state_options
def import_state(session: Session, stack: str, file: Path, yes: bool, config: Path | None, cloud: str | None) -> int:
    opened = _open(session, config, cloud, stack)
    _require_consent(session, f"Replace the state of '{opened.stack}' by that of '{file}'?", yes=yes)
    with click.open_file(str(file), "rb") as source:
        state = opened.states.import_state(opened.stack, source.read(), str(file))
    count = len(state.live_resources)
    session.answer({"stack": opened.stack, "resources": count}, [f"'{opened.stack}' has a state of {_count(count)}."])
    return OK


_MOVE_HELP = """Move a stack's state, or all with --all, to another backend, or to another provider of keys.

\b
  semantest-iac state move --all --to-backend s3://BUCKET/state?region=us-east-1
  semantest-iac state move rest-api --to-secrets-provider awskms://alias/state?region=us-east-1

It is read back and compared, with its secrets, before it leaves where it was; there a backup and a note stay, and runs
that still look there are refused. Run the same command again where it was interrupted. `--to-backend home` brings it
back to the home. Then write the same into `state` of semantest.yaml.
"""


@state_command.command("move", short_help="Move states to another backend or provider of keys.", help=_MOVE_HELP)
@click.argument("stack", required=False, default="")
@click.option("--all", "every", is_flag=True, help="Move the states of all stacks of the backend.")
@click.option("--to-backend", metavar="URL", help="Where to: s3://…, azblob://…, file:///…, or home.")
@click.option(
    "--to-secrets-provider", metavar="URL", help="What encrypts secrets: passphrase, awskms://…, azurekeyvault://…"
)
@click.option(
    "--to-passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="PATH",
    help="The passphrase there, if it is another one.",
)
@_YES
@_state_options
def move_state(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    stack: str,
    every: bool,
    to_backend: str | None,
    to_secrets_provider: str | None,
    to_passphrase_file: Path | None,
    yes: bool,
    config: Path | None,
    cloud: str | None,
) -> int:
    if bool(stack) == every:
        raise click.UsageError("Name a stack, or give --all.")
    opened = _open(session, config, cloud, stack)
    application, states = session.application, opened.states
    target = application.other_states(opened.variables, states, to_backend, to_secrets_provider, to_passphrase_file)
    stacks = states.list_stacks() if every else [opened.stack]
    _require_consent(session, f"Move {len(stacks)} states to '{target.location}'?", yes=yes)
    for name in stacks:
        states.move(name, target, application.change_secrets_provider, to_secrets_provider)
        if not session.json:
            session.terminal.print_lines(f"'{name}' is in '{target.location}'.")
    session.answer({"backend": target.location, "stacks": stacks}, ["Write this into `state` of semantest.yaml."])
    return OK


_ROTATE_HELP = """Encrypt the secrets of all states with a new passphrase.

\b
  semantest-iac state rotate-passphrase --new-passphrase-file new-passphrase

A state in the home alone needs no file: a passphrase is made, and the old one stays beside it in passphrase.old, for
older backups. Elsewhere, bring the new file to every machine afterwards, and keep the old one as long as its backups.
Run the same command again where it was interrupted: it goes on, and nothing is lost.
"""


@state_command.command("rotate-passphrase", short_help="Encrypt states with a new passphrase.", help=_ROTATE_HELP)
@click.option(
    "--new-passphrase-file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="PATH",
    help="The file with the new passphrase.",
)
@_YES
@_state_options
def rotate_passphrase(session: Session, file: Path | None, yes: bool, config: Path | None, cloud: str | None) -> int:
    states = _open(session, config, cloud).states
    _require_consent(session, f"Give all states in '{states.location}' a new passphrase?", yes=yes)
    result = states.rotate_passphrase(file)
    answer = {"rotated": result.rotated, "without_passphrase": result.without_passphrase, "file": str(result.file)}
    count = "1 state has" if len(result.rotated) == 1 else f"{len(result.rotated)} states have"
    lines = [f"{count} the new passphrase, which is in '{result.file}'."]
    session.answer(answer, lines)
    return OK
