"""The program: loads and runs one command, reports its error and returns its exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.terminal import CliContext, Terminal

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationFactory

PROGRAM_NAME = "semantest-iac"
COMPLETE_VARIABLE = "_SEMANTEST_IAC_COMPLETE"
"""Set by the functions of shells: what to complete, and for which shell."""

# Name -> its module in `commands`, which is imported when the command runs, and one line of help.
COMMANDS = {
    "init": ("starting", "Write semantest.yaml for the service in this folder."),
    "import": ("imports.group", "Write semantest.yaml for what another tool deploys."),
    "deploy": ("deployments", "Deploy a component as it is configured."),
    "preview": ("deployments", "Show what deploy or destroy would change."),
    "status": ("ledger", "Show what is deployed now."),
    "history": ("ledger", "List past deployments."),
    "outputs": ("ledger", "Show the outputs of a stack: endpoint, names, ARNs."),
    "open": ("services", "Show the address of a service, and open it in the browser."),
    "keys": ("services", "Show the keys of the subscriptions of a simulated gateway."),
    "graph": ("reviews.graphs", "Show the resources of a component, and what needs what."),
    "cost": ("reviews.costs", "Estimate what a component costs a month."),
    "guardrails": ("reviews.guardrails", "Show guardrails, and test them against recorded plans."),
    "drift": ("drift", "Show what was changed in the cloud outside of this tool."),
    "rollback": ("changes.rollback", "Bring a stack back to an earlier deployment."),
    "scale": ("changes.scaling", "Change between how many instances a component scales."),
    "destroy": ("deployments", "Delete every resource of a stack."),
    "invoke": ("services", "Send an HTTP request to a deployed service."),
    "serve": ("services", "Serve all simulated stacks over HTTP and WebSocket."),
    "send": ("messages.sending", "Send a message to a queue or topic of a simulated stack."),
    "receive": ("messages.sending", "Receive messages of a queue, or its dead letters."),
    "logs": ("services", "Show what functions printed on this machine."),
    "events": ("events", "List recorded events, and messages that failed."),
    "publish": ("events", "Send an event that requests a deployment."),
    "subscriptions": ("events", "Show what events of other systems lead to."),
    "ledger": ("ledger_group", "Verify, export and import the ledger of all events."),
    "state": ("operators.states", "Back up, restore, move and unlock Pulumi's states."),
    "queue": ("queue", "List the requests that wait or are carried out."),
    "cancel": ("queue", "Cancel a deployment that waits or is carried out."),
    "approve": ("operators.approvals", "Approve a plan that waits, and carry it out."),
    "promote": ("operators.traffic", "Give a new version all of the traffic."),
    "return": ("operators.traffic", "Take the traffic back from a new version."),
    "reject": ("operators.approvals", "Reject a plan that waits for an approval."),
    "resolve": ("queue", "Free a stack that needed an operator."),
    "worker": ("queue", "Carry out queued requests until stopped."),
    "secrets": ("secrets.group", "Set, rotate, list and audit secrets."),
    "parity": ("configuration", "Show which features each cloud supports."),
    "config": ("configuration", "Validate and show the configuration."),
    "doctor": ("machine", "Check what is installed on this machine."),
    "repair": ("homes", "Repair what is damaged in the home."),
    "artifacts": ("artifacts", "Remove the packages that no deployment needs any more."),
    "setup": ("machine", "Install the Pulumi CLI and its plugins."),
}

STACK_CHANGES = frozenset({"approve", "deploy", "scale", "rollback", "destroy", "--fix"})
LOST_ANSWER = 1

PROGRAM_HELP = """Deploy Semantest to AWS or Azure from one configuration.

\b
  semantest-iac init
  semantest-iac deploy rest-api
  semantest-iac invoke rest-api GET /health

The development environment is simulated on this machine; no cloud account is touched.
"""
PROGRAM_EPILOG = """\b
Exit codes: 0 success, 1 failed, 2 usage or configuration error, 3 refused, 4 busy or cancelled.
Shell completion: eval "$(_SEMANTEST_IAC_COMPLETE=bash_source semantest-iac)"; also zsh_source, fish_source.
"""


class _LazyGroup(CommandGroup):
    """Lists its commands without importing their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of COMMANDS, not of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The imported command instead of the placeholder that only has its line of help."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load_command(str(listed.name)), rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click itself would print an empty line for a signal, and fail where it cannot."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error


def run_cli(arguments: Sequence[str], application_at: ApplicationFactory, terminal: Terminal | None = None) -> int:
    """Run one command and return its exit code; every error becomes a message.

    A deployment keeps its own exit code where its answer cannot be written; any other command has then failed.
    """
    context = CliContext(application_at, terminal or Terminal.standard(), tuple(arguments))
    if "--debug" in arguments:
        _log_to_terminal(context.terminal)
    completes = bool(os.environ.get(COMPLETE_VARIABLE))
    try:
        code = int(_run_program(arguments, context, completes=completes) or 0)
    except (Exception, KeyboardInterrupt) as error:
        if completes:
            return 0
        context.terminal.flush()
        if isinstance(error, OSError) and context.terminal.is_answer_lost:  # click's own output
            return LOST_ANSWER
        return _report_error(error, context.terminal, arguments)
    is_change = not STACK_CHANGES.isdisjoint(word.lower() for word in arguments)
    return LOST_ANSWER if code == 0 and context.terminal.is_answer_lost and not is_change else code


def _run_program(arguments: Sequence[str], context: CliContext, *, completes: bool) -> int | None:
    code: int | None = _build_program().main(
        list(arguments),
        prog_name=PROGRAM_NAME if completes else None,
        complete_var=COMPLETE_VARIABLE,
        standalone_mode=False,
        obj=context,
    )
    return code


def _build_program() -> click.Group:
    commands = {name: click.Command(name, short_help=line) for name, (_, line) in COMMANDS.items()}
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
    program = _LazyGroup(PROGRAM_NAME, commands, help=PROGRAM_HELP, epilog=PROGRAM_EPILOG, context_settings=settings)
    return click.version_option(package_name="semantest-iac", message="semantest-iac %(version)s")(program)


def load_command(name: str) -> click.Command:
    """Import the module of a command of COMMANDS, and return the command."""
    module, _ = COMMANDS[name]
    command: click.Command = getattr(
        import_module(f"semantest_iac.presentation.cli.commands.{module}"), f"{name}_command"
    )
    return command


def _report_error(error: BaseException, terminal: Terminal, arguments: Sequence[str]) -> int:
    from semantest_iac.presentation.cli.failures import error_to_json, exit_code_for, to_deployment_error
    from semantest_iac.presentation.error_lines import format_error

    if "--debug" in arguments:  # not the parsed option: the error may be that options cannot be parsed
        from traceback import format_exception

        terminal.print_remarks("".join(format_exception(error)).rstrip())
    if "--json" in arguments:
        terminal.print_json(error_to_json(to_deployment_error(error)))
    else:
        terminal.print_remarks(*format_error(to_deployment_error(error)))
    return exit_code_for(error)


def _log_to_terminal(terminal: Terminal) -> None:
    import logging

    class RemarkHandler(logging.Handler):  # the terminal redacts secrets
        def emit(self, record: logging.LogRecord) -> None:
            terminal.print_remarks(self.format(record))

    log = logging.getLogger("semantest_iac")
    log.setLevel(logging.DEBUG)
    log.addHandler(RemarkHandler())
