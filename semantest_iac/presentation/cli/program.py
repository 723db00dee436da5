"""The program: its commands by name, each loaded when it is called, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.presentation.cli.terminal import CliContext, Terminal

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationFactory

# Name -> its module in `commands`, which is imported when the command runs, and one line of help.
COMMANDS = {
    "deploy": ("deployments", "Bring a component to its configuration."),
    "preview": ("deployments", "Show what deploy, or destroy, would do."),
    "status": ("ledger", "Show what is deployed now."),
    "history": ("ledger", "List past deployments."),
    "outputs": ("ledger", "Show what a stack offers: endpoint, names, ARNs."),
    "destroy": ("deployments", "Delete everything of a stack."),
    "invoke": ("services", "Send a request to a deployed service."),
    "serve": ("services", "Answer here for every simulated stack, HTTP and WebSocket."),
    "logs": ("services", "Show what functions printed on this machine."),
    "events": ("ledger", "Read the recorded events."),
    "ledger": ("ledger", "Check the record of events."),
    "parity": ("configuration", "Show what each cloud can do, and why where it cannot."),
    "config": ("configuration", "Check and show the configuration."),
    "doctor": ("machine", "Check what this machine has."),
    "setup": ("machine", "Get what real deployments need: the Pulumi CLI and its plugins."),
}

PROGRAM_HELP = """Deploy Semantest to AWS or Azure from one model.

\b
  semantest-iac deploy --component rest-api --provider aws
  semantest-iac invoke rest-api GET /health

Development is played in a sandbox on this machine; no account is touched.
"""
PROGRAM_EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 refused, 4 busy or cancelled.
Completion: eval "$(_SEMANTEST_IAC_COMPLETE=bash_source semantest-iac)", zsh and fish alike.
"""


class _LazyGroup(click.Group):
    """Lists its commands without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met, not in that of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command itself in the place of its line of help."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and _load_command(str(listed.name)), rest


def run_cli(arguments: Sequence[str], application_at: ApplicationFactory, terminal: Terminal | None = None) -> int:
    """Run one command and return the exit code; no error leaves this function."""
    outside = CliContext(application_at, terminal or Terminal.standard())
    if "--debug" in arguments:
        _log_to_terminal(outside.terminal)
    try:
        code = _build_program().main(list(arguments), standalone_mode=False, obj=outside)
    except (Exception, KeyboardInterrupt) as error:
        return _report_error(error, outside.terminal, arguments)
    return int(code or 0)


def _build_program() -> click.Group:
    commands = {name: click.Command(name, short_help=line) for name, (_, line) in COMMANDS.items()}
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
    program = _LazyGroup("semantest-iac", commands, help=PROGRAM_HELP, epilog=PROGRAM_EPILOG, context_settings=settings)
    return click.version_option(package_name="semantest-iac", message="semantest-iac %(version)s")(program)


def _load_command(name: str) -> click.Command:
    module, _ = COMMANDS[name]
    command: click.Command = getattr(
        import_module(f"semantest_iac.presentation.cli.commands.{module}"), f"{name}_command"
    )
    return command


def _report_error(error: BaseException, terminal: Terminal, arguments: Sequence[str]) -> int:
    """Before the options are read it is not known how to answer, so the arguments are asked."""
    from semantest_iac.presentation.cli.failures import error_to_json, exit_code_for, to_deployment_error
    from semantest_iac.presentation.error_lines import format_error

    if "--debug" in arguments:
        from traceback import format_exception

        terminal.remark("".join(format_exception(error)).rstrip())
    if "--json" in arguments:
        terminal.json(error_to_json(to_deployment_error(error)))
    else:
        terminal.remark(*format_error(to_deployment_error(error)))
    return exit_code_for(error)


def _log_to_terminal(terminal: Terminal) -> None:
    import logging

    class Remarks(logging.Handler):
        """Log records as remarks, so that they are redacted like everything else."""

        def emit(self, record: logging.LogRecord) -> None:
            terminal.remark(self.format(record))

    log = logging.getLogger("semantest_iac")
    log.setLevel(logging.DEBUG)
    log.addHandler(Remarks())
