"""`import`: the group of its commands, and those that make a first configuration of another tool's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.presentation.cli.commands.imports.first_file import (
    check_first_file,
    choose_next_command,
    refuse_to_overwrite,
    write_first_file,
)
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import PATH_TYPE, unchecked_session_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import STANDARD_FILE, Session
from semantest_iac.presentation.error_lines import format_faults, format_warnings

if TYPE_CHECKING:
    from semantest_iac.domain.ports.service_finder import ConvertedConfiguration

TAKE_OVER_HELP = """Write semantest.yaml for what another tool deploys.

\b
  semantest-iac import serverless
  semantest-iac import serverless ../shop/serverless.yml --stage prod --dry-run
  semantest-iac import pulumi-stack state.json
"""
PULUMI_STACK_HELP = """Write semantest.yaml for what a Pulumi program deployed to AWS.

\b
  pulumi stack export --file state.json
  semantest-iac import pulumi-stack state.json
  semantest-iac import pulumi-stack ~/.pulumi/stacks/shop/dev.json --dry-run

FILE is an exported stack, or its file in a backend that is a folder. HTTP APIs with their functions, and functions that
queues, topics and schedules call, are taken over; everything else is listed with its id in the cloud. Nothing in the
cloud is changed: what is deployed of it is new. Encrypted values become ${secrets.name}. An existing semantest.yaml is
kept.
"""
SERVERLESS_HELP = """Write semantest.yaml for a service of the Serverless Framework on AWS.

\b
  semantest-iac import serverless
  semantest-iac import serverless ../shop/serverless.yml --stage prod --dry-run
  semantest-iac import serverless --opt tenant=acme

Reads FILE and the YAML and JSON files that it names, runs nothing, and asks no cloud. Everything that is not taken over
is listed with its line, the reason and what to do. Values of secrets are not written: they become ${secrets.name}. An
existing semantest.yaml is kept.
"""
_DEFAULT_FILES = ("serverless.yml", "serverless.yaml", "serverless.json")


@click.group("import", cls=CommandGroup, help=TAKE_OVER_HELP)
def import_command() -> None: ...


@import_command.command("serverless", short_help="A service of the Serverless Framework.", help=SERVERLESS_HELP)
@click.argument("file", type=PATH_TYPE, required=False)
@click.option("--stage", metavar="NAME", help="The stage whose values are taken. Default: that of the file, else dev.")
@click.option(
    "--opt", "options", multiple=True, metavar="NAME=VALUE", help="The value of ${opt:NAME}. Can be repeated."
)
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="The value of ${param:NAME}; can be repeated."
)
@click.option("--dry-run", is_flag=True, help="Print the configuration, and write no file.")
@unchecked_session_options
def import_serverless(  # one parameter for each option
    session: Session,
    file: Path | None,
    stage: str | None,
    options: tuple[str, ...],
    parameters: tuple[str, ...],
    dry_run: bool,
) -> int:
    """Read the service before anything is written."""
    target = Path(STANDARD_FILE)
    if not dry_run:
        refuse_to_overwrite(target, force=False)
    given = {**_parse_pairs("--opt", options), **({"stage": stage} if stage else {})}
    given |= {f"param:{name}": value for name, value in _parse_pairs("--param", parameters).items()}
    source = file or next((path for name in _DEFAULT_FILES if (path := Path(name)).is_file()), Path(_DEFAULT_FILES[0]))
    converted = session.application.first_configurations.convert_serverless(source, given)
    return _write_and_answer(session, converted, source, target, dry_run=dry_run)


@import_command.command("pulumi-stack", short_help="What a Pulumi program deployed.", help=PULUMI_STACK_HELP)
@click.argument("file", type=PATH_TYPE)
@click.option("--dry-run", is_flag=True, help="Print the configuration, and write no file.")
@unchecked_session_options
def import_pulumi_stack(session: Session, file: Path, dry_run: bool) -> int:
    """Read the state before anything is written."""
    target = Path(STANDARD_FILE)
    if not dry_run:
        refuse_to_overwrite(target, force=False)
    converted = session.application.first_configurations.convert_pulumi_stack(file)
    return _write_and_answer(session, converted, file, target, dry_run=dry_run)


def _parse_pairs(option: str, written: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in written]
    faults = [
        Fault(option, f"'{make_printable(name, 40)}' is not NAME=VALUE", f"Write {option} tenant=acme.")
        for name, equals, _ in pairs
        if not name or not equals
    ]
    if faults:
        raise ValidationError("Cannot import the service.", faults=faults)
    return {name: value for name, _, value in pairs}


def _write_and_answer(
    session: Session, converted: ConvertedConfiguration, source: Path, target: Path, *, dry_run: bool
) -> int:
    """Write the configuration, check it as `config validate` does, and list what is not in it."""
    if not converted.values.get("components"):
        hint = "Nothing was written."
        message = f"{source} has nothing that could be taken over."
        raise ValidationError(message, "NOTHING_IMPORTED", hint=hint, faults=converted.left_out)
    text = session.application.first_configurations.render_converted(converted, source.name)
    warnings: Sequence[Fault] = ()
    faults: Sequence[Fault] = ()
    if not dry_run:
        write_first_file(target, text, force=False)
        warnings, faults = check_first_file(session)
    following = choose_next_command(converted.values["components"], faults, session.home_option)
    value = {
        "file": None if dry_run else str(target.absolute()),
        "configuration": converted.values,
        "left_out": [fault.as_dict() for fault in converted.left_out],
        "differs": [fault.as_dict() for fault in converted.differs],
        "variables": dict(converted.required_variables),
        "warnings": [warning.as_dict() for warning in warnings],
        "faults": [fault.as_dict() for fault in faults],
        "next": [following],
    }
    session.answer(value, text.splitlines() if dry_run else [f"Wrote {target}."])
    if not session.json:
        _print_remarks(session, converted)
        session.terminal.print_remarks(*format_warnings(warnings))
        if faults:
            session.terminal.print_remarks("Not ready yet:", *format_faults(faults))
        if not dry_run:
            session.terminal.print_lines("Try next:", f"  {following}")
    return OK


def _print_remarks(session: Session, converted: ConvertedConfiguration) -> None:
    lists = (("Not taken over:", converted.left_out), ("Not quite the same here:", converted.differs))
    for title, notes in lists:
        if notes:
            session.terminal.print_remarks(title, *format_faults(notes))
    if converted.required_variables:
        lines = [f"  {name}: {what}" for name, what in converted.required_variables.items()]
        session.terminal.print_remarks("Set in your environment or .env:", *lines)
