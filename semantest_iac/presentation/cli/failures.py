"""Maps errors to exit codes, to messages for people and to JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import (
    ArtifactError,
    DeploymentError,
    NotFoundError,
    RefusedError,
    StackBusyError,
    StorageError,
    ValidationError,
    as_storage_error,
)
from semantest_iac.presentation.cli.process.signals import CANCELLED_EXIT_CODE, describe_cancellation

OPTIONS_OF_OTHER_TOOLS: Mapping[str, str] = {
    "--approve": "--yes",
    "--auto-approve": "--yes",
    "--skip-preview": "--yes",
    "-y": "--yes",
    "--stage": "--env",
    "-e": "--env",
    "-s": "--env",
    "-r": "--region",
    "--stack": "the stack's name without an option",
    "--output": "--json",
    "-o": "--json",
    "--var": "--set",
}
"""What people type who come from another tool -> what to type here."""

OK, FAILED, USAGE, REFUSED, CANCELLED = 0, 1, 2, 3, CANCELLED_EXIT_CODE

EXIT_CODES: Mapping[type[BaseException], int] = {
    BaseException: FAILED,
    DeploymentError: FAILED,
    ValidationError: USAGE,
    ArtifactError: USAGE,
    NotFoundError: USAGE,
    StorageError: USAGE,
    click.ClickException: USAGE,
    RefusedError: REFUSED,
    StackBusyError: CANCELLED,
    click.Abort: CANCELLED,
    KeyboardInterrupt: CANCELLED,
}

UNUSABLE_LEDGER_CODES = frozenset({"LEDGER_FULL", "LEDGER_READ_ONLY", "LEDGER_IO"})
"""The ledger is as it should be, and its folder or disk is not."""

STATE_EXIT_CODES: Mapping[DeploymentStatus, int] = {
    DeploymentStatus.PENDING: OK,  # left to a worker
    DeploymentStatus.AWAITING_APPROVAL: REFUSED,
    DeploymentStatus.COMPLETED: OK,
    DeploymentStatus.CANCELLED: CANCELLED,
    DeploymentStatus.SUPERSEDED: CANCELLED,
    DeploymentStatus.REJECTED: REFUSED,
}


_WORST_EXIT_CODE_FIRST = (FAILED, USAGE, REFUSED, CANCELLED, OK)


def choose_worst_code(codes: Iterable[int]) -> int:
    """Return the exit code of the worst of several ends."""
    return min(codes, key=_WORST_EXIT_CODE_FIRST.index)


def exit_code_for(error: BaseException) -> int:
    """Return the exit code of the error's class, or of its nearest base class in the table."""
    if as_storage_error(error) or getattr(error, "error_code", "") in UNUSABLE_LEDGER_CODES:
        return USAGE
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def to_deployment_error(error: BaseException) -> DeploymentError:
    """Turn any error into a DeploymentError.

    Of an unexpected error it shows only the class, because its text may hold secrets.
    """
    if isinstance(error, DeploymentError):
        return error
    if isinstance(error, click.ClickException):
        return ValidationError(describe_usage_error(error), "USAGE_ERROR", hint=_usage_hint(error))
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return DeploymentError(describe_cancellation(error), "CANCELLED")
    if storage := as_storage_error(error):
        return storage
    return DeploymentError(
        f"This is a bug in semantest-iac: an unexpected {type(error).__name__}.",
        "INTERNAL_ERROR",
        hint="Run the command again with --debug and report the output.",
    )


def error_to_json(error: DeploymentError) -> dict[str, Any]:
    """Return the error as `--json` prints it."""
    return {
        "error": {
            "code": error.error_code,
            "message": error.message,
            "hint": error.hint,
            "faults": [{"path": "", "hint": "", **fault.as_dict()} for fault in error.faults],
        }
    }


def describe_usage_error(error: click.ClickException) -> str:
    """Return the message, with no more than the nearest command or option."""
    known = OPTIONS_OF_OTHER_TOOLS.get(getattr(error, "option_name", ""))
    nearest = getattr(error, "possibilities", None)
    if isinstance(error, click.NoSuchOption) and known:
        return f"{error.message} Did you mean {known}?"
    return f"{error.message} Did you mean '{nearest[0]}'?" if nearest else error.format_message()


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"Try '{context.command_path} --help'." if context else ""
