"""Formats plans, results and tables as text, and results as the JSON of `--json`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from semantest_iac.domain.deployment.status import REMOVAL_KIND
from semantest_iac.domain.errors import DeploymentError, Fault
from semantest_iac.domain.networking.custom_domains import DNS_RECORDS_OUTPUT, DOMAIN_URL_OUTPUT
from semantest_iac.presentation.styles import StyledLine, join_styled, style_text

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.provisioner import ResourceProgress
    from semantest_iac_events.values import HealthAnswer

COLUMN_GAP = "  "
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4180
DEFAULT_GATEWAY_URL = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
REPORTED_OPERATIONS = ("create", "update", "replace", "delete", "same")
OPERATION_MARKS = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "delete": "-",
    "same": " ",
    "keep": "=",
    "publish": "^",
    "check": "?",
    "read": ">",
    "package": ">",
    "install": ">",
    "build": ">",
    "bundle": ">",
    "plan": ">",
    "wait": ">",
    "apply": ">",
    "push": "^",
    "rollback": "<",
}
OPERATION_RUNNING = {
    "create": "creating",
    "update": "updating",
    "replace": "replacing",
    "delete": "deleting",
    "same": "reading",
    "keep": "keeping",
    "publish": "publishing",
    "check": "checking",
    "read": "reading",
    "package": "packaging",
    "install": "installing",
    "build": "building",
    "bundle": "bundling",
    "plan": "planning",
    "wait": "waiting for",
    "apply": "applying",
    "push": "pushing",
    "rollback": "rolling back",
}
OPERATION_DONE = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
    "keep": "kept",
    "publish": "published",  # code, to an existing resource
    "check": "checked",  # the health of the service
    "read": "read",
    "package": "packaged",
    "install": "installed",
    "build": "built",
    "bundle": "bundled",
    "plan": "planned",
    "wait": "waited for",
    "apply": "applied",
    "push": "pushed",  # an image, to a registry
    "rollback": "rolled back",
}
KIND_DONE = {"deploy": "Deployed", "destroy": "Destroyed", "rollback": "Rolled back", "scale": "Scaled"}
_STEP_FAILED = {"wait": "stopped waiting for", "rollback": "could not roll back"}
SHARED_NOTE = "stays in the cloud: other stacks may rely on it"
SIMULATED_NOTE = "simulated {provider} on this machine; no cloud account is touched"
MAX_BODY_LENGTH = 200


def format_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line of titles in capitals and a line per row."""
    return align_columns([[title.upper() for title in titles], *rows])


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line per row, with every column but the last as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_join_cells(row, widths) for row in rows]


def _join_cells(row: Sequence[str], widths: Sequence[int]) -> str:
    line = COLUMN_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if not any(isinstance(cell, StyledLine) for cell in row):
        return line
    padded = [(cell, " " * (width - len(cell)), COLUMN_GAP) for cell, width in zip(row, widths, strict=True)]
    return join_styled(*chain.from_iterable(padded)).cut(len(line))


def format_utc_time(recorded: str) -> str:
    """Format an ISO 8601 time in UTC to the second; an empty one as `-`."""
    return f"{recorded[:10]} {recorded[11:19]}Z" if recorded else "-"


def format_moment(seconds: float) -> str:
    """Return a moment, in seconds since 1970, as its time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def flatten_values(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the text of every leaf of nested mappings and lists."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten_values(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from flatten_values(inner, f"{path}[{index}]")
    else:
        yield path, _format_leaf(value)


def _format_leaf(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value in (None, (), [], {}) else str(value)


def local_endpoint(stack: str, component_type: str, gateway: str = DEFAULT_GATEWAY_URL) -> str:
    """Return the URL at which `serve` answers for the stack, whether it is running or not."""
    scheme = "ws" if component_type == "websocket" else "http"
    return f"{scheme}://{gateway.removeprefix('http://')}/{stack}/"


def local_entrances(
    stack: str, entrances: Sequence[str], outputs: Mapping[str, Any], gateway: str = DEFAULT_GATEWAY_URL
) -> dict[str, str]:
    """Return the URL at which `serve` answers for each entrance of a stack.

    Its site has a host of its own; its gateway has the path that it has in the cloud.
    """
    own_host = f"http://{stack}.localhost:{urlsplit(gateway).port}/"
    below = urlsplit(str(outputs.get("gateway_url", ""))).path.strip("/")
    gateway_url = f"{local_endpoint(stack, '', gateway)}{f'{below}/' if below else ''}"
    return {it: own_host if it == "site" else gateway_url for it in entrances}


def empty_result(stack: str, state: str) -> dict[str, Any]:
    """Return the last line of `--json` if nothing was deployed."""
    changes = dict.fromkeys(REPORTED_OPERATIONS, 0)
    return {
        "deployment": None,
        "stack": stack,
        "state": state,
        "changes": changes,
        "outputs": {},
        "endpoint": None,
        "duration_s": 0.0,
    }


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """The recorded row of an ended deployment, its health check, the seconds that the command took, and its cloud.

    `is_one_of_several` says that other stacks of the same component are deployed, so that its name is not enough.
    """

    row: DeploymentRow
    health: HealthAnswer | None
    seconds: float
    is_simulated: bool = False
    is_one_of_several: bool = False

    @property
    def failure(self) -> DeploymentError:
        """The recorded error, with the resources that remain and the commands to run as faults."""
        error = self.row.error or {}
        remaining = [Fault("left over", name) for name in error.get("remainder", ())]
        commands = [Fault("run", command) for command in error.get("commands", ())]
        message, hint = error.get("message", f"The deployment ended as {self.row.state}."), error.get("hint", "")
        if successor := error.get("successor"):
            message = f"Nothing was changed for this request: a newer one for '{self.row.stack}' took its place."
            hint = f"semantest-iac status --deployment {successor} shows what became of that."
        return DeploymentError(message, hint=hint, faults=[*remaining, *commands])

    def as_dict(self) -> dict[str, Any]:
        """Return the last line of `--json`; `error` is missing if there is none."""
        row = self.row
        answer: dict[str, Any] = {
            "deployment": row.deployment,
            "stack": row.stack,
            "kind": row.kind,
            "state": str(row.state),
            "changes": {**dict.fromkeys(REPORTED_OPERATIONS, 0), **row.changes},
            "outputs": dict(row.outputs),
            "endpoint": row.endpoint,
            "health": self.health.model_dump() if self.health else None,
            "duration_s": round(self.seconds, 3),
            "simulated": self.is_simulated,
        }
        answer |= {"restored_deployment": row.restored} if row.restored else {}
        return answer | ({"error": dict(row.error)} if row.error else {})


def type_name_with_module(resource_type: str) -> str:
    """Return `lambda.Function` for `aws:lambda/function:Function`, `compute.X` for `semantest:compute:X`."""
    _, _, rest = resource_type.partition(":")
    module, _, name = rest.rpartition(":")
    return f"{module.partition('/')[0]}.{name}" if module else resource_type


def format_step(progress: ResourceProgress) -> str:
    """Say what a step is doing, or how it ended."""
    if progress.state == "running":
        return f"  {OPERATION_RUNNING[progress.op]} {progress.name}"
    return f"  {describe_end(progress)} {progress.name}  {progress.seconds:.1f} s"


def describe_end(progress: ResourceProgress) -> str:
    """Say how an operation or a step ended: `created`, `could not create`."""
    failed = _STEP_FAILED.get(progress.op, f"could not {progress.op}")
    return OPERATION_DONE[progress.op] if progress.state == "done" else failed


def describe_cloud(engine: EngineChoice) -> str:
    """Say in a word or two whether the cloud is real."""
    return "simulated" if engine.is_simulated else "real cloud"


def format_stack_and_cloud(stack: Stack, engine: EngineChoice) -> str:
    """Say which stack it is, and whether its cloud is real or simulated."""
    if not engine.is_simulated:
        return f"{stack}: real {stack.provider} account (engine {engine.engine})"
    note = SIMULATED_NOTE.format(provider=stack.provider)
    return f"{stack}: {note}" if engine.engine == "sandbox" else f"{stack}: {note} (engine {engine.engine})"


def format_notes(notes: Iterable[str]) -> list[str]:
    return [f"Note: {note}" for note in notes]


def format_result(result: DeploymentResult) -> Iterator[str]:
    """Return the counts, the endpoint and the answer of the health check."""
    verb = KIND_DONE.get(result.row.kind, "Deployed")
    counts = [f"{count} {OPERATION_DONE[name]}" for name, count in result.row.changes.items() if count]
    mutated = any(count for name, count in result.row.changes.items() if name != "same")
    done = f" in {result.seconds:.1f} s: {', '.join(counts)}."
    yield join_styled(style_text(verb, "completed"), done) if mutated else "No changes."
    if result.row.changes.get("keep"):
        yield "The kept resources stay in the cloud: other stacks may rely on them."
    if result.row.endpoint:
        yield f"endpoint  {result.row.endpoint}"
    if result.health:
        yield f"health    {format_health(result.health)}"
    if result.row.kind != REMOVAL_KIND:
        yield from format_domains(result.row.outputs, is_changed=mutated)


def format_domains(outputs: Mapping[str, Any], *, is_changed: bool) -> Iterator[str]:
    """Return the addresses at domains of one's own, and the records that a person has to set for them."""
    yield from (f"domain    {outputs[name]}" for name in outputs if name.endswith(DOMAIN_URL_OUTPUT))
    for name in outputs:
        prefix = name.removesuffix(DNS_RECORDS_OUTPUT)
        waits = f"{prefix}{DOMAIN_URL_OUTPUT}" not in outputs and not prefix.startswith("site")
        if prefix == name or not outputs[name] or not (waits or is_changed):
            continue
        yield f"Set {'this record' if len(outputs[name]) == 1 else 'these records'} where the domain is registered" + (
            ", then deploy again: the API does not answer at the domain yet." if waits else ", if they are not set yet:"
        )
        yield from (f"  {record}" for record in outputs[name])


def suggest_next_commands(result: DeploymentResult, stack: Stack, home_option: str, default_region: str) -> list[str]:
    """Return commands to try after this result; nothing after a destroy."""
    if result.row.kind == REMOVAL_KIND:
        return []
    path = result.health.path if result.health and result.health.path.startswith("/") else "/"
    is_web_socket = (result.row.endpoint or "").startswith("ws")
    kinds = {"is_web_socket": is_web_socket, "is_one_of_several": result.is_one_of_several}
    has_endpoint = bool(result.row.endpoint)
    return suggest_commands(stack, home_option, default_region, path, has_endpoint=has_endpoint, **kinds)


def program_name() -> str:
    """Return how the program was started, as people type it."""
    script = Path(sys.argv[0]).name
    return script if script == "semantest-iac" else "python -m semantest_iac"


def suggest_commands_for_several(home_option: str) -> list[str]:
    """Return the command to try after several stacks."""
    return ["Try next:", f"  {program_name()} status{home_option}"]


def format_health(health: HealthAnswer) -> str:
    """Return `GET /health -> 200 {…}` or `$connect -> 101 {…}`, on one line."""
    body = " ".join(health.body.split())
    request = f"GET {health.path}" if health.path.startswith("/") else health.path
    return f"{request} -> {health.status} {body[:MAX_BODY_LENGTH]}{'…' if len(body) > MAX_BODY_LENGTH else ''}"


def suggest_commands(  # noqa: PLR0913  # one parameter for each thing that decides
    stack: Stack,
    home_option: str,
    default_region: str,
    path: str = "/health",
    *,
    has_endpoint: bool = True,
    is_web_socket: bool = False,
    is_one_of_several: bool = False,
) -> list[str]:
    """Return commands to try next, with the name and the options that select this stack."""
    name = str(stack) if is_one_of_several else stack.component
    options = home_option if is_one_of_several else f"{_location_options(stack, default_region)}{home_option}"
    call = f"invoke {name} GET {path}{options}"
    if not has_endpoint:
        call = f"outputs {name}{options}"
    elif is_web_socket:
        call = f"serve{home_option}"
    program = f"  {program_name()}"
    return ["Try next:", f"{program} {call}", f"{program} status{home_option}", f"{program} destroy {name}{options}"]


def _location_options(stack: Stack, default_region: str) -> str:
    """Return the options without the project: the configuration beside which they are typed has it, or the ledger."""
    from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT, DEFAULT_PROVIDER

    defaults = {"environment": DEFAULT_ENVIRONMENT, "region": default_region}
    options = {name: getattr(stack, name) for name in defaults if getattr(stack, name) != defaults[name]}
    provider = {} if stack.provider == DEFAULT_PROVIDER else {"provider": stack.provider}
    options = {"env" if name == "environment" else name: value for name, value in options.items()}
    return "".join(f" --{name} {value}" for name, value in (provider | options).items())
