"""Reads the value of a secret where nobody else sees it: from stdin, or from a prompt that does not show it."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ValidationError
from semantest_iac.presentation.cli.session import Session

if TYPE_CHECKING:
    from semantest_iac.application.ports.secret_store import SecretValue

SHORTEST_GENERATED_BYTES = 16
_NAME_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MOST_BYTES_READ = 1024 * 1024  # far more than any store takes, which says itself how much that is
_FROM_STDIN = "Pipe it: semantest-iac secrets set NAME < FILE, or type it at the prompt."


def refuse_value_arguments(name: str, arguments: Sequence[str]) -> None:
    """Raise UsageError for further arguments, and for a name that is none, and do not repeat them.

    One of them may be the value, as in NAME=VALUE.
    """
    if arguments or not _NAME_FORM.fullmatch(name):
        raise click.UsageError(
            "A value is not taken from an argument, which every user of this machine can read. "
            f"{_FROM_STDIN} Change the value, as it may be in the history of your shell."
        )


def read_secret_value(session: Session, name: str) -> SecretValue:
    """Read a value, from a terminal twice; from then on no output of the process shows it.

    Raises ValidationError for text that is not UTF-8, for two that differ, and for more than a megabyte.
    """
    if sys.stdin is None:
        raise ValidationError("Cannot read the value: stdin is closed.", hint=_FROM_STDIN)
    text = _ask_twice(session, name) if sys.stdin.isatty() else _read_stdin()
    return _make_known(session, text)


def generate_secret_value(session: Session, length: int) -> SecretValue:
    """Make a value of so many random bytes, in base64 for URLs."""
    return _make_known(session, secrets.token_urlsafe(length))


def _make_known(session: Session, text: str) -> SecretValue:
    from semantest_iac.application.ports.secret_store import SecretValue

    session.application.known_values.add(text)
    return SecretValue(text)


def _ask_twice(session: Session, name: str) -> str:
    value = session.terminal.ask_hidden(f"Value of '{make_printable(name)}', which is not shown: ")
    if session.terminal.ask_hidden("The same once more: ") != value:
        raise ValidationError("Cannot take the value: the two that were typed differ.", hint="Try again.")
    return value


def _read_stdin() -> str:
    """Read all of stdin without the line end behind it, which editors and `echo` add."""
    content = sys.stdin.buffer.read(_MOST_BYTES_READ + 1)
    if len(content) > _MOST_BYTES_READ:
        raise ValidationError("Cannot read the value: stdin has more than a megabyte.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValidationError("Cannot read the value: it is not UTF-8.", hint="Encode it, such as in base64.") from None
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
