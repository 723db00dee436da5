"""`invoke`: one request to a deployed service."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.presentation.cli.execution import run_interruptible
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_notes
from semantest_iac.presentation.cli.options import configuration_options, service_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

HELP = """Send METHOD PATH to a deployed component and print its answer, like curl -i.

\b
  semantest-iac invoke rest-api GET /health
  semantest-iac invoke rest-api POST '/api/items?dry=1' -H 'Content-Type: application/json' -d '{"name":"a"}'

Exit 0 whenever the service answered, whatever its status; 1 when it could not be run.
"""

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e\x80-\U0010ffff]*?)\s*")


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Pairs:
    return tuple(_pair(value) for value in values)


def _pair(header: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(header)
    if match is None:
        raise click.BadParameter("a header is written 'Name: value'.")
    return match[1], match[2]


@click.command("invoke", help=HELP)
@service_options
@click.argument("method")
@click.argument("path")
@click.option("-H", "--header", "headers", multiple=True, callback=_pairs, metavar="'NAME: VALUE'", help="A header.")
@click.option("-d", "--data", metavar="BODY", help="The body; @file reads a file, - reads stdin.")
@click.option("--logs", is_flag=True, help="What the function printed, and how it failed, on stderr.")
@configuration_options
@session_options
def command(session: Session, words: StackSelector, written: ConfigurationOptions, logs: bool, **request: Any) -> int:
    """The configuration only says which stack is meant."""
    sent = _request(**request)
    stack, engine, variables = session.meant(words, written)
    deployments = session.application.deployments(variables, engine=engine)
    answer = run_interruptible(deployments.call(stack, sent), session.terminal)
    session.terminal.remark(*format_notes(answer.notes))
    if logs and answer.logs:
        session.terminal.remark(answer.logs.rstrip("\n"))
    _show(session, answer)
    return OK


def _request(method: str, path: str, headers: Pairs, data: str | None) -> HttpRequest:
    if not (method.isascii() and method.isalpha()):
        raise click.BadParameter("a method is a word such as GET or POST.", param_hint="METHOD")
    if not path.startswith("/") or not path.isprintable() or " " in path:
        raise click.BadParameter("a path starts with '/' and has no spaces.", param_hint="PATH")
    parts = urlsplit(f"//host{path}")
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return HttpRequest(method.upper(), parts.path, query, headers, _body(data))


def _body(data: str | None) -> bytes:
    if data is None:
        return b""
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return data.encode(errors="surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise click.BadParameter(f"'{data[1:]}' cannot be read: {reason}.", param_hint="--data") from error


def _show(session: Session, answer: ProbeAnswer) -> None:
    response = answer.response
    if session.json:
        session.terminal.json(as_dict(response))
        return
    session.terminal.say(f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in response.headers), "")
    session.terminal.raw(response.body if response.body.endswith(b"\n") else response.body + b"\n")


def as_dict(response: HttpResponse) -> dict[str, Any]:
    """The shape of `--json`; a body that is no text is in base64. Of a repeated header the values are joined."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    answer = {"status": response.status, "headers": headers}
    try:
        return answer | {"body": response.body.decode()}
    except UnicodeDecodeError:
        return answer | {"body": base64.b64encode(response.body).decode(), "base64": True}
