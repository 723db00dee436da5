"""Writes and checks the first configuration of a folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.presentation.cli.formatting import program_name
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector


def refuse_to_overwrite(target: Path, *, force: bool) -> None:
    """Raise RefusedError where a configuration is there already."""
    if not force and (target.exists() or target.is_symlink()):
        message = f"Cannot write {target}: it exists ({target.absolute()})."
        raise RefusedError(message, "FILE_EXISTS", hint="Add --force to overwrite it.")


def write_first_file(target: Path, text: str, *, force: bool) -> None:
    """Write a configuration where none is; raises ValidationError where the folder cannot be written to."""
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = (error.strerror or "the system refused it").lower()
        hint = "Run the command in a folder that you can write to."
        raise ValidationError(f"Cannot write '{target.absolute()}': {reason}.", "NOT_WRITABLE", hint=hint) from error


def check_first_file(session: Session) -> tuple[Sequence[Fault], Sequence[Fault]]:
    """Return the warnings and the faults of the file as `config validate` finds them."""
    from semantest_iac.application.intake.deployment_specs import validate_components

    try:
        loaded = session.load_configuration(StackSelector(), ConfigurationOptions())
        return validate_components(None, loaded, session.application), ()
    except DeploymentError as error:
        return (), error.faults or (Fault("", error.message, error.hint),)


def choose_next_command(components: Collection[str], faults: Sequence[Fault], home_option: str) -> str:
    """Return the command that comes after the file: the one that deploys it, or that says what is wrong with it."""
    if faults:
        return f"{program_name()} config validate"
    name = next(iter(components)) if len(components) == 1 else "all"
    return f"{program_name()} deploy --component {name}{home_option}"
