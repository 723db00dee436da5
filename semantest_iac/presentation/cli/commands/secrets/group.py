"""`secrets`: the group of its commands, and what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from semantest_iac.domain.errors import NotFoundError
from semantest_iac.presentation.cli.commands.secrets.targets import (
    SecretTarget,
    find_deployed_blueprint,
    find_targets,
    find_targets_of_secret,
)
from semantest_iac.presentation.cli.commands.secrets.value_input import (
    SHORTEST_GENERATED_BYTES,
    generate_secret_value,
    read_secret_value,
    refuse_value_arguments,
)
from semantest_iac.presentation.cli.failures import FAILED, OK
from semantest_iac.presentation.cli.formatting import format_utc_time
from semantest_iac.presentation.cli.options import configuration_options, session_options, several_stacks_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, Session
from semantest_iac.presentation.cli.tables import Column, format_fitting_table

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.ports.secret_store import SecretValue
    from semantest_iac.application.secrets.stack_secrets import ListedSecret
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.blueprints.secret_access import SecretAudit
    from semantest_iac.presentation.cli.execution import DeployCommand
    from semantest_iac_events.infrastructure import SecretChanged

SECRETS_HELP = """Set, rotate, list and audit the secrets of deployed components.

\b
  semantest-iac secrets list
  semantest-iac secrets set database_url < database_url.txt
  semantest-iac secrets rotate jwt_secret --generate
  semantest-iac secrets audit --env production

A value comes from stdin or from a prompt that does not show it, never from an argument, and is never printed.
"""

SET_HELP = """Write a value to the store of the cloud: Secrets Manager or Key Vault.

\b
  semantest-iac secrets set database_url
  semantest-iac secrets set database_url --component rest-api --env staging < database_url.txt

Asks for the value on a terminal, else reads all of stdin without a line end behind it. Without --component, it is set
for every deployed component that refers to it. The functions get it with the next deployment; from then on deployments
use it, whatever the variable SEMANTEST_SECRET_<NAME> says.
"""

ROTATE_HELP = """Write a value, bring it to the functions and check their health.

\b
  semantest-iac secrets rotate database_url < database_url.txt
  semantest-iac secrets rotate jwt_secret --generate

Deploys what is deployed again with the new value. Where the service is not healthy with it, the earlier value is used
again. A real cloud is changed after a question, as by deploy.
"""

LIST_HELP = """List the secrets to which components refer, with where their values come from; never a value.

\b
  semantest-iac secrets list
  semantest-iac secrets list --component rest-api --env production --json
"""

AUDIT_HELP = """List which identities may read which secrets, and which functions refer to them.

\b
  semantest-iac secrets audit --env production

Reads what the engine has deployed, not the cloud. A right that no function uses is listed as unused. Exit codes: 0, 1
where a function may not read a secret that it refers to.
"""

_COLUMNS = (
    Column("secret"),
    Column("stack", 4),
    Column("value"),
    Column("version", 2),
    Column("changed", 3),
    Column("by", 5, "out"),
    Column("read as", 1),
)
_SOURCES = {"store": "set", "variable": "variable", "deployed": "deployed, no variable here", "": "none"}


@click.group("secrets", cls=CommandGroup, help=SECRETS_HELP)
def secrets_command() -> None: ...


@secrets_command.command("set", short_help="Write a value to the store of the cloud.", help=SET_HELP)
@click.argument("secret", metavar="NAME")
@click.argument("more", nargs=-1, metavar="")
@several_stacks_options
@configuration_options
@session_options
def set_secret(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, secret: str, more: tuple[str, ...]
) -> int:
    refuse_value_arguments(secret, more)
    targets = find_targets_of_secret(session, selector, options, secret)
    session.warn_of_rehearsals(target.placed for target in targets)
    addresses = _find_addresses(session, targets, secret)
    value = read_secret_value(session, secret)
    from semantest_iac.presentation.cli.execution import run_interruptible

    setting = _set_all(session, targets, secret, value, addresses)
    changes = run_interruptible(setting, session.terminal)
    _warn_of_unmasked(session, secret, value)
    session.answer([_change_to_dict(change) for change in changes], _format_changes(changes))
    return OK


def _find_addresses(session: Session, targets: Sequence[SecretTarget], secret: str) -> list[str]:
    """Return where the secret of each stack is, before anybody is asked for a value; raises as `require_secret`."""
    from semantest_iac.presentation.cli.execution import run_interruptible

    async def find_all() -> list[str]:
        opened = ((session.application.stack_secrets(target.variables), target.stack) for target in targets)
        return [await secrets.require_secret(stack, secret) for secrets, stack in opened]

    return run_interruptible(find_all(), session.terminal)


async def _set_all(
    session: Session, targets: Sequence[SecretTarget], secret: str, value: SecretValue, addresses: Sequence[str]
) -> list[SecretChanged]:
    """Check every stack before the first is changed."""
    opened = [(session.application.stack_secrets(target.variables), target.stack) for target in targets]
    for secrets, stack in opened:
        secrets.require_fitting(stack, secret, value)
    return [
        await secrets.write(stack, secret, value, by=session.user_name, address=address)
        for (secrets, stack), address in zip(opened, addresses, strict=True)
    ]


def _format_changes(changes: Sequence[SecretChanged]) -> Iterator[str]:
    for change in changes:
        yield f"Set '{change.secret}' of {change.stack}, version {change.version}."
    yield "Functions get the value with the next deployment of the component."


def _change_to_dict(change: SecretChanged) -> dict[str, Any]:
    return {
        "stack": change.stack,
        "secret": change.secret,
        "version": change.version,
        "changed_by": change.changed_by,
    }


@secrets_command.command("rotate", short_help="Write a value and bring it to the functions.", help=ROTATE_HELP)
@click.argument("secret", metavar="NAME")
@click.argument("more", nargs=-1, metavar="")
@click.option("--generate", is_flag=True, help="Make a random value, such as for a key that signs tokens.")
@click.option(
    "--bytes",
    "length",
    type=click.IntRange(SHORTEST_GENERATED_BYTES, 1024),
    default=32,
    show_default=True,
    metavar="N",
    help="With --generate, the random bytes of the value, which is written in base64 for URLs.",
)
@click.option("--yes", is_flag=True, help="Change a real cloud without asking.")
@several_stacks_options
@configuration_options
@session_options
def rotate_secret(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    secret: str,
    more: tuple[str, ...],
    generate: bool,
    length: int,
    yes: bool,
) -> int:
    from semantest_iac.presentation.cli.execution import execute_commands

    refuse_value_arguments(secret, more)
    targets = find_targets_of_secret(session, selector, options, secret)
    session.warn_of_rehearsals(target.placed for target in targets)
    _find_addresses(session, targets, secret)
    value = generate_secret_value(session, length) if generate else read_secret_value(session, secret)
    _warn_of_unmasked(session, secret, value)
    batch = str(uuid4()) if len(targets) > 1 else None
    commands = [_to_rotation_command(session, target, secret, value, batch) for target in targets]
    return execute_commands(session, commands, is_confirmed=yes)


def _to_rotation_command(
    session: Session, target: SecretTarget, secret: str, value: SecretValue, batch: str | None
) -> DeployCommand:
    from semantest_iac.application.use_cases import SecretRotation
    from semantest_iac.presentation.cli.execution import DeployCommand

    by = session.user_name

    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return session.application.stack_secrets(target.variables).rotate(
            target.stack,
            secret,
            value,
            by=by,
            request_rotation=lambda rotation: deployments.redeploy(
                target.stack, by=by, batch=batch, rotation=SecretRotation(rotation, (secret,))
            ),
        )

    return DeployCommand("secrets rotate", target.stack, target.engine, target.variables, start)


def _warn_of_unmasked(session: Session, secret: str, value: SecretValue) -> None:
    from semantest_iac.domain.security.masking import find_masking_problem

    if problem := find_masking_problem(value.expose(), {}):
        session.terminal.print_remarks(f"Warning: secret '{secret}' {problem}.")


@secrets_command.command("list", short_help="List secrets and where their values come from.", help=LIST_HELP)
@several_stacks_options
@configuration_options
@session_options
def list_secrets(session: Session, selector: MultiStackSelector, options: ConfigurationOptions) -> int:
    listed = [
        each
        for target in find_targets(session, selector, options)
        for each in session.application.stack_secrets(target.variables).list_secrets(
            target.stack, target.blueprint, target.deployed_secrets
        )
    ]
    rows = [_listed_row(each) for each in listed]
    lines = format_fitting_table(_COLUMNS, rows, session.terminal.width) if rows else ["No component refers to one."]
    session.answer([each.as_dict() for each in listed], lines)
    return OK


def _listed_row(listed: ListedSecret) -> list[str]:
    from semantest_iac.application.secrets.stack_secrets import format_functions

    change = listed.set_value
    waits = "" if listed.is_used or change is None else ", waits for a deployment"
    return [
        listed.secret,
        listed.stack,
        f"{_SOURCES[listed.source]}{waits}",
        change.version if change else "-",
        format_utc_time(change.changed_at if change else ""),
        change.changed_by if change else "-",
        ", ".join(format_functions(listed.references)),
    ]


@secrets_command.command("audit", short_help="List who may read which secrets.", help=AUDIT_HELP)
@several_stacks_options
@configuration_options
@session_options
def audit_stacks(session: Session, selector: MultiStackSelector, options: ConfigurationOptions) -> int:
    from semantest_iac.presentation.cli.execution import run_interruptible

    audits: list[tuple[str, SecretAudit]] = []
    targets = find_targets(session, selector, options)
    for target in targets:
        blueprint = find_deployed_blueprint(session, target.stack)
        if blueprint is None:
            continue
        auditing = session.application.stack_secrets(target.variables).audit(target.stack, blueprint)
        found = run_interruptible(auditing, session.terminal)
        audits += [(str(target.stack), each) for each in found]
    if not audits and not any(find_deployed_blueprint(session, target.stack) for target in targets):
        raise NotFoundError("Cannot audit secrets: nothing that fits is deployed.", hint="Deploy it first.")
    session.answer([{"stack": stack, **_audit_to_dict(audit)} for stack, audit in audits], _format_audits(audits))
    return FAILED if any(audit.refused_references for _, audit in audits) else OK


def _audit_to_dict(audit: SecretAudit) -> dict[str, Any]:
    unused, refused = audit.unused_grants, audit.refused_references
    return {
        "secret": audit.secret,
        "readers": [{"identity": it.identity, "by": it.means, "used": it not in unused} for it in audit.grants],
        "references": [
            {
                "function": it.function,
                "variable": it.variable,
                "identity": it.identity,
                "allowed": it not in refused,
            }
            for it in audit.references
        ],
    }


def _format_audits(audits: Sequence[tuple[str, SecretAudit]]) -> Iterator[str]:
    if not audits:
        yield "The deployed components have no secrets."
    for stack, audit in audits:
        yield f"{audit.secret} of {stack}"
        for reference in audit.references:
            name = f" of {reference.function}" if reference.function else ""
            fault = "  MAY NOT READ IT" if reference in audit.refused_references else ""
            yield f"  read as {reference.variable}{name}, under {reference.identity}{fault}"
        for grant in audit.grants:
            unused = ", unused" if grant in audit.unused_grants else ""
            yield f"  may be read by {grant.identity}: {grant.means}{unused}"
        if not audit.grants:
            yield "  may be read by nobody"
