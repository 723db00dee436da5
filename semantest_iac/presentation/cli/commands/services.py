"""`invoke`, `serve` and `logs`: the commands that call deployed services."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from semantest_iac.application.queries.history import (
    answers_requests,
    find_component_type_of,
    find_entrances,
    is_served_locally,
    list_function_names,
    list_simulated_stacks,
    runs_services,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, NotFoundError, RefusedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, parse_query
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    format_notes,
    local_endpoint,
    local_entrances,
    program_name,
)
from semantest_iac.presentation.cli.options import (
    configuration_options,
    file_options,
    filter_options,
    service_options,
    session_options,
)
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_http_methods
from semantest_iac.presentation.cli.parsing.contents import read_content
from semantest_iac.presentation.cli.parsing.deployed_stacks import (
    add_deployed,
    find_deployed,
    has_api_gateway,
    has_endpoint,
    list_deployed,
    resolve_deployed_or_configured,
    select_deployed_if_any,
)
from semantest_iac.presentation.cli.process.signals import forward_signals
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.cli.tables import format_pairs, wrap_after

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.application.ports.ledger import StackRow
    from semantest_iac.presentation.request_log import RequestLogEntry


class _PortRange(click.IntRange):
    """The numbers of ports, with 0 for any free one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"'{value}' is no port. Use a number from 0 to {self.max}; 0 chooses a free port.", param, ctx)


PORT_RANGE = _PortRange(0, 65535)


def serve_until_stopped(
    session: Session, variables: Mapping[str, str], host: str, port: int, host_names: Collection[str] = ()
) -> int:
    """Serve all simulated stacks until SIGINT, SIGTERM or SIGHUP, then return exit code 0."""
    import asyncio

    with session.terminal.print_in_background():
        asyncio.run(_run_until_signal(session, variables, (host, port), host_names))
    return OK


def require_simulated(specs: Iterable[DeploymentSpec]) -> None:
    """Raise RefusedError for stacks that will be deployed to a real cloud."""
    real = [Fault(str(spec.stack), "will be in a real cloud") for spec in specs if not spec.engine.is_simulated]
    if real:
        hint = "Omit --serve, or deploy with --cloud sandbox."
        raise RefusedError(
            "Cannot serve stacks that are not simulated on this machine.", "NOT_LOCAL", hint=hint, faults=real
        )


async def _run_until_signal(
    session: Session, variables: Mapping[str, str], address: tuple[str, int], host_names: Collection[str]
) -> None:
    import asyncio

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def log_request(entry: RequestLogEntry) -> None:
        session.answer(_log_entry_to_dict(entry), [_format_log_entry(entry)])

    stopping = forward_signals(lambda *signal: loop.call_soon_threadsafe(stopped.set), forced_from=2)
    with stopping:
        async with session.application.gateway(variables, address, log_request, host_names=host_names) as url:
            rows = sorted(list_simulated_stacks(session.application.ledger), key=lambda row: row.stack)
            session.answer(*_startup_answer(url, rows, session.application.messages_address()))
            await stopped.wait()


def _startup_answer(gateway: str, rows: Sequence[StackRow], messages: str | None) -> tuple[dict[str, Any], list[str]]:
    services = [row for row in rows if answers_requests(row)]
    endpoints = {row.stack: local_endpoint(row.stack, find_component_type_of(row), gateway) for row in services}
    delivering = [row.stack for row in rows if find_component_type_of(row) in _TYPES_WITH_MESSAGES]
    for row in rows:
        found = local_entrances(row.stack, find_entrances(row), row.outputs, gateway)
        endpoints |= {f"{row.stack} {entrance}": url for entrance, url in found.items()}
    lines = [f"  {endpoint}" for endpoint in endpoints.values()]
    lines += [f"  messages and schedules of {stack}" for stack in delivering]
    lines += [f"  services of {row.stack}, each at an address that the log names" for row in rows if runs_services(row)]
    first = f"Serving on {gateway}; press Ctrl-C to stop."
    last = [f"Messages are taken at {messages}."] if messages else []
    answer = {"url": gateway, "endpoints": endpoints, "messages": messages, "delivering": delivering}
    return answer, [first, *(lines or ["  nothing yet; new deployments are served at once"]), *last]


def _format_log_entry(entry: RequestLogEntry) -> str:
    now = datetime.now(UTC).strftime("%H:%M:%S")
    note = f"  {entry.note}" if entry.note else ""
    milliseconds = f"{entry.seconds * 1000:.1f} ms"
    return f"{now} {entry.stack or '-'} {entry.method} {entry.path} {entry.status} {milliseconds}{note}"


def _log_entry_to_dict(entry: RequestLogEntry) -> dict[str, Any]:
    logged = {
        "time": datetime.now(UTC).isoformat(),
        "stack": entry.stack,
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "ms": round(entry.seconds * 1000, 1),
    }
    return logged | ({"note": entry.note} if entry.note else {})


_TYPES_WITH_MESSAGES = ("messaging", "functions", "etl", "platform")

SERVE_HELP = """Serve all stacks in simulated clouds until Ctrl-C, each below its own name.

\b
  semantest-iac serve
  curl http://127.0.0.1:4180/rest-api.aws.development.us-east-1/health

Requests run the deployed packages, within the limits of their cloud. New deployments are served at once.
"""


@click.command("serve", help=SERVE_HELP)
@click.option("--port", type=PORT_RANGE, default=DEFAULT_PORT, show_default=True, help="0 chooses a free port.")
@click.option("--host", default=DEFAULT_HOST, show_default=True, metavar="ADDRESS", help="A loopback address.")
@click.option(
    "--allow-host",
    "host_names",
    multiple=True,
    metavar="NAME",
    help="Answer requests to this name too, such as that of a proxy. Can be repeated.",
)
@session_options
def serve_command(session: Session, host: str, port: int, host_names: tuple[str, ...]) -> int:
    loaded = session.load_configuration(StackSelector(), ConfigurationOptions())  # for its secrets
    return serve_until_stopped(session, loaded.variables, host, port, host_names)


INVOKE_HELP = """Send a request to a deployed component and print the response, as curl -i does.

\b
  semantest-iac invoke rest-api GET /health
  semantest-iac invoke rest-api POST '/api/items?dry=1' -H 'Content-Type: application/json' -d '{"name":"a"}'

Exits 0 if the service answered, whatever the status, and 1 if it could not be run.
"""

_HEADER_PATTERN = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e\x80-\U0010ffff]*?)\s*")


def _parse_headers(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Pairs:
    return tuple(_parse_header(value) for value in values)


def _parse_header(header: str) -> tuple[str, str]:
    match = _HEADER_PATTERN.fullmatch(header)
    if match is None:
        raise click.BadParameter("write a header as 'Name: value'.")
    return match[1], match[2]


@click.command("invoke", help=INVOKE_HELP)
@service_options
@click.argument("method", shell_complete=complete_with(find_http_methods))
@click.argument("path")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    callback=_parse_headers,
    metavar="'NAME: VALUE'",
    help="A request header. Can be repeated.",
)
@click.option(
    "-d", "--data", metavar="BODY", help="The request body (JSON has its Content-Type); @FILE reads a file, - stdin."
)
@click.option("--logs", is_flag=True, help="Print the log of the call to stderr.")
@configuration_options
@session_options
def invoke_command(
    session: Session, selector: StackSelector, options: ConfigurationOptions, logs: bool, **parts: Any
) -> int:
    from semantest_iac.presentation.cli.execution import run_interruptible

    request = _build_request(**parts)
    target = resolve_deployed_or_configured(session, selector, options)
    session.warn_of_rehearsals([target.placed])
    stack, engine, variables, _ = target
    deployments = session.application.deployments(variables, engine=engine)
    try:
        answer = run_interruptible(deployments.call(stack, request), session.terminal)
    except NotFoundError as error:
        raise add_deployed(session, stack, error) from error
    session.terminal.print_remarks(*format_notes(answer.notes))
    if logs and answer.logs:
        session.terminal.print_remarks(answer.logs.rstrip("\n"))
    _show_answer(session, answer)
    return OK


def _build_request(method: str, path: str, headers: Pairs, data: str | None) -> HttpRequest:
    if not (method.isascii() and method.isalpha()):
        raise click.BadParameter("a method is a word such as GET or POST.", param_hint="METHOD")
    if not path.startswith("/") or not path.isprintable() or " " in path:
        raise click.BadParameter("a path starts with '/' and has no spaces.", param_hint="PATH")
    parts = urlsplit(f"//host{path}")
    query = parse_query(parts.query)
    body = b"" if data is None else read_content(data, "--data")
    if body and _is_json(body) and all(name.lower() != "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", "application/json"))  # without a type it arrives in base64
    return HttpRequest(method.upper(), parts.path, query, headers, body, raw_query=parts.query)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _show_answer(session: Session, answer: ProbeAnswer) -> None:
    response = answer.response
    if session.json:
        session.terminal.print_json(response_to_dict(response))
        return
    headers = (f"{name}: {value}" for name, value in response.headers)
    session.terminal.print_lines(f"HTTP/1.1 {response.status}", *headers, "")
    session.terminal.print_bytes(response.body if response.body.endswith(b"\n") else response.body + b"\n")


def response_to_dict(response: HttpResponse) -> dict[str, Any]:
    """Return the response as `--json` prints it: repeated headers joined, a body that is no UTF-8 in base64."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    answer = {"status": response.status, "headers": headers}
    try:
        return answer | {"body": response.body.decode()}
    except UnicodeDecodeError:
        return answer | {"body": base64.b64encode(response.body).decode(), "base64": True}


OPEN_HELP = """Print the address of a deployed service, and open it in the browser if stdout is a terminal.

\b
  semantest-iac open rest-api
  semantest-iac open rest-api --env staging --no-browser

The address of a simulated stack is that of `semantest-iac serve`, which must run. WebSocket addresses are only printed.
"""


@click.command("open", help=OPEN_HELP)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@filter_options
@session_options
def open_command(session: Session, selector: StackSelector, no_browser: bool) -> int:
    session.build_stack_filter(selector)
    ledger = session.application.ledger
    selected = select_deployed_if_any(session, selector, is_wanted=has_endpoint)
    found = find_deployed(ledger, selected, has_endpoint)
    if not found:
        faults = list_deployed(session, selector, has_endpoint)
        hint = "" if faults else "Deploy an API first: other components have no address."
        raise NotFoundError("Cannot open a service: none with an endpoint fits.", hint=hint, faults=faults)
    url = _find_address(session, found[0])
    is_opened = session.terminal.is_interactive and not (session.json or no_browser) and url.startswith("http")
    session.answer({"stack": found[0], "url": url}, [url])
    if is_opened and not session.terminal.open_browser(url):
        session.terminal.print_remarks("No browser was found on this machine.")
    return OK


def _find_address(session: Session, stack: str) -> str:
    """Return the endpoint, of a simulated stack its address on this machine; raises RefusedError without `serve`."""
    ledger = session.application.ledger
    row = ledger.stack(stack)
    entrances = find_entrances(row)
    if not is_served_locally(ledger, stack):
        return str(row.outputs[f"{entrances[0]}_url"] if entrances else row.endpoint)
    if serving := session.application.serving_address():
        if entrances:
            return local_entrances(stack, entrances, row.outputs, serving)[entrances[0]]
        return local_endpoint(stack, find_component_type_of(row), serving)
    hint = f"Run in another terminal: {program_name()} serve{session.home_option}"
    message = f"Cannot open '{stack}': it is simulated on this machine, and `serve` does not run."
    raise RefusedError(message, "NOT_SERVED", hint=hint)


KEYS_HELP = """Print the keys of the subscriptions of a gateway that is simulated on this machine.

\b
  semantest-iac keys platform
  semantest-iac keys gateway --env staging --json

Clients send theirs in the header x-api-key. Keys of a gateway in a real cloud are shown by the cloud alone.
"""


@click.command("keys", help=KEYS_HELP)
@filter_options
@session_options
def keys_command(session: Session, selector: StackSelector) -> int:
    import asyncio

    session.build_stack_filter(selector)
    ledger = session.application.ledger
    found = find_deployed(ledger, select_deployed_if_any(session, selector, is_wanted=has_api_gateway), has_api_gateway)
    if not found:
        faults = list_deployed(session, selector, has_api_gateway)
        hint = "" if faults else "Deploy a component with APIs below `gateway` first."
        raise NotFoundError("Cannot show keys: no stack with a gateway fits.", hint=hint, faults=faults)
    stack = Stack.parse(found[0])
    if not is_served_locally(ledger, found[0]):
        hint = "Ask the cloud for them: docs/api-gateway.md has its command."
        raise RefusedError(f"Cannot show the keys of '{stack}': its cloud keeps them.", "KEPT_BY_CLOUD", hint=hint)
    keys = asyncio.run(session.application.gateway_keys(session.application.folder_variables, stack))
    session.answer(dict(keys), format_pairs([*keys.items()], session.terminal.width) if keys else ["No keys."])
    return OK


LOGS_HELP = """Show the logs of a component's functions on this machine, as the cloud writes them.

\b
  semantest-iac logs rest-api --since 10m
  semantest-iac logs rest-api -f
  semantest-iac logs rest-api --function create

They hold the calls by `invoke`, `serve` and health checks. Keeps the last few megabytes per stack; the values of
secrets are redacted.
"""
_POLL_INTERVAL_S = 0.3
_AGE_PATTERN = re.compile(r"(\d+)([smhd])")
_AGE_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _parse_since(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    if value is None:
        return ""
    if age := _AGE_PATTERN.fullmatch(value):
        return (datetime.now(UTC) - timedelta(**{_AGE_UNITS[age[2]]: int(age[1])})).isoformat()
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    except ValueError as error:
        raise click.BadParameter("use 90s, 10m, 2h, 1d or a time such as 2026-01-31T12:00.") from error


@click.command("logs", help=LOGS_HELP)
@service_options
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.option(
    "--since",
    callback=_parse_since,
    metavar="TIME",
    help="Only newer lines: 90s, 10m, 2h, 1d, or a time.",
)
@click.option("--function", metavar="NAME", help="Only lines of one of several functions or services.")
@file_options
@session_options
def logs_command(
    session: Session,
    selector: StackSelector,
    options: ConfigurationOptions,
    follow: bool,
    since: str,
    function: str | None,
) -> int:
    selected = select_deployed_if_any(session, selector, options)
    stack, _ = session.resolve_stack_and_configuration(selected, options)
    if function is not None:
        _require_function(session, str(stack), function)
    batches = session.application.function_logs.follow_batches(str(stack))
    _show_lines(session, (line for line in next(batches) if line["time"] >= since), function)
    with suppress(KeyboardInterrupt):
        while follow:
            time.sleep(_POLL_INTERVAL_S)
            _show_lines(session, next(batches), function)
    return OK


def _require_function(session: Session, stack: str, function: str) -> None:
    """Refuse a name that no function of the deployed stack has."""
    known = list_function_names(session.application.ledger, stack)
    if function not in known:
        hint = f"It has {', '.join(known)}." if known else "It has one function, which needs no name."
        raise click.BadParameter(f"'{stack}' has no function '{function[:200]}'. {hint}", param_hint="--function")


def _show_lines(session: Session, lines: Iterable[Mapping[str, Any]], function: str | None) -> None:
    for line in lines:
        if function not in (None, line.get("function", "")):
            continue
        session.answer(line, _format_log_line(line, session.terminal.width))


def _format_log_line(line: Mapping[str, Any], width: int | None) -> list[str]:
    """Return the lines of a record below each other, on a terminal with the local time and not wider than that."""
    moment = line["time"] if width is None else f"{datetime.fromisoformat(line['time']).astimezone():%H:%M:%S.%f}"[:-3]
    name = f"{line['function']}  " if "function" in line else ""
    first, *others = str(line["text"]).split("\n")
    indentation = " " * (len(moment) + 2)
    below = (text for other in others for text in wrap_after(indentation, other, width))
    return [*wrap_after(f"{moment}  {name}", first, width), *below]
