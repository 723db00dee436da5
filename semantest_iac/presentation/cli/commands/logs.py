"""`logs`: what functions printed on this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import configuration_options, service_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

HELP = """Show what a component's functions printed when `invoke`, `serve` or a health check called them.

\b
  semantest-iac logs rest-api --since 10m
  semantest-iac logs rest-api -f

Kept are a few megabytes per stack, without the values of its secrets.
"""
_PAUSE_S = 0.3
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    if value is None:
        return ""
    if span := _SPAN.fullmatch(value):
        return (datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})).isoformat()
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    except ValueError as error:
        raise click.BadParameter("say 90s, 10m, 2h, 1d or a time such as 2026-01-31T12:00.") from error


@click.command("logs", help=HELP)
@service_options
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--since", callback=_moment, metavar="TIME", help="90s, 10m, 2h, 1d, or a time.")
@configuration_options
@session_options
def command(session: Session, words: StackSelector, written: ConfigurationOptions, follow: bool, since: str) -> int:
    """The configuration only says which stack is meant."""
    stack, _ = session.target(words, written)
    batches = session.application.function_logs.batches(str(stack))
    _show(session, (line for line in next(batches) if line["time"] >= since))
    with suppress(KeyboardInterrupt):
        while follow:
            time.sleep(_PAUSE_S)
            _show(session, next(batches))
    return OK


def _show(session: Session, lines: Iterable[Mapping[str, Any]]) -> None:
    for line in lines:
        session.answer(line, [f"{line['time']}  {line['text']}"])
