"""Answers what is deployed now and by which engine, what was deployed before, and which events were recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, RecordedEvent, StackRow
from semantest_iac.application.ports.run_queue import DriftCheck, QueuedRun
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, TRAFFIC_SHIFTED
from semantest_iac.domain.environments.names import ACCOUNT_COMPONENT, ENVIRONMENTS, PLATFORM_TYPES, make_printable
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.domain.networking.custom_domains import DOMAIN_URL_OUTPUT
from semantest_iac_events.stack_names import DEFAULT_PROJECT, split_stack_name

_ENTRANCE_LAYERS = ("site", "gateway")


@dataclass(frozen=True, slots=True)
class StackFilter:
    """Selects stacks by the parts of their names; None matches every stack."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None
    project: str | None = None

    def matches(self, stack: str) -> bool:
        if self == ALL_STACKS:
            return True
        try:
            parts = split_stack_name(stack)
        except ValueError:  # an event about something else
            return False
        wanted = (self.project, self.component, self.provider, self.environment, self.region)
        return all(want in (None, part) for want, part in zip(wanted, parts, strict=True))

    def matches_event(self, event: Mapping[str, Any]) -> bool:
        """Whether the event is about such a stack, or about the environment of such stacks."""
        if self == ALL_STACKS or event.get("subject"):
            return self.matches(event.get("subject") or "")
        named = {"project": DEFAULT_PROJECT, **event["data"]}
        return all(wanted in (None, named.get(part)) for part, wanted in asdict(self).items())


ALL_STACKS = StackFilter()


def read_status(reader: LedgerReader, stack_filter: StackFilter = ALL_STACKS) -> list[dict[str, Any]]:
    """Return the newest deployment of each stack, newest first, with the live endpoint and outputs."""
    newest = [row for row in reader.newest() if stack_filter.matches(row.stack)]
    stacks = {row.stack: row for row in reader.stacks()}  # read after the deployments, so that no stack is missing
    pairs = ((row, stacks[row.stack]) for row in newest)
    return [
        deployment_to_dict(row) | _live_fields(stack) | {"simulated": _is_simulated(reader, stack, row)}
        for row, stack in pairs
    ]


def _is_simulated(reader: LedgerReader, stack: StackRow, row: DeploymentRow) -> bool | None:
    """Whether the stack is in a simulated cloud, by its owner or else this deployment; None where neither says it."""
    choice = _find_engine_of(reader, stack) or requested_engine(reader, row)
    return choice.is_simulated if choice else None


def read_outputs(reader: LedgerReader, stack: str) -> dict[str, Any]:
    """Return the outputs of the stack's last good deployment by name; raises NotFoundError when there is none."""
    row = reader.stack(stack)
    if row.last_good is None:
        raise NotFoundError(
            f"Cannot read outputs of stack '{stack}': it has no completed deployment.",
            hint="`semantest-iac status` lists the stacks that were deployed.",
        )
    return dict(sorted(row.outputs.items()))  # engines return them in any order


_FUNCTION_OUTPUT = re.compile(
    r"function_name_(?P<name>.+)"
    r"|(?:functions|etl(?!_(?:staging|pipeline)$)|services(?!_(?:environment|registry)$))_(?P<of_layer>.+)"
)

_SERVICE_OUTPUT = re.compile(r"services_(?!(?:environment|registry)$).+")


def list_function_names(reader: LedgerReader, stack: str) -> list[str]:
    """Return the names of a deployed stack's functions and services; none if it has one function, without a name.

    Those of the platform's layers have hyphens in place of the underscores of outputs.
    """
    found = [_FUNCTION_OUTPUT.fullmatch(output) for output in reader.stack(stack).outputs]
    return sorted(it["name"] or it["of_layer"].replace("_", "-") for it in found if it)


def runs_services(row: StackRow) -> bool:
    """Whether a stack has services that run containers."""
    return any(_SERVICE_OUTPUT.fullmatch(output) for output in row.outputs)


def deployment_to_dict(row: DeploymentRow) -> dict[str, Any]:
    """Return a deployment as `--json` prints it; it has `error` only after a failure."""
    answer: dict[str, Any] = {
        "deployment": row.deployment,
        "stack": row.stack,
        "number": row.number,
        "kind": row.kind,
        "state": str(row.state),
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "changes": dict(row.changes),
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
    }
    restored = {"restored_deployment": row.restored} if row.restored else {}
    return answer | restored | ({"error": dict(row.error)} if row.error is not None else {})


def _live_fields(row: StackRow) -> dict[str, Any]:
    return {
        "type": find_component_type_of(row),
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
        "generation": row.generation,
        "last_good": row.last_good,
        "held_by": row.held_by,
    }


JOURNAL_PREFIX = "infrastructure.journal."


def read_history(
    reader: LedgerReader, stack_filter: StackFilter = ALL_STACKS, limit: int | None = None
) -> list[dict[str, Any]]:
    """Return every deployment of the stacks, newest request first, with its own changes, outputs and error.

    `held_by` is the deployment that holds its stack now.
    """
    stacks = {row.stack: row for row in reader.stacks()}
    names = None if stack_filter == ALL_STACKS else [name for name in stacks if stack_filter.matches(name)]
    rows = reader.deployments(names, limit)
    return [deployment_to_dict(row) | {"held_by": _find_holder(stacks, row)} for row in rows]


def _find_holder(stacks: Mapping[str, StackRow], row: DeploymentRow) -> str | None:
    """Return what holds the stack of a deployment, None if it is free; one that was only refused is not among them."""
    return stacks[row.stack].held_by if row.stack in stacks else None


def find_deployment_id(reader: LedgerReader, prefix: str) -> str:
    """Return the id that begins so; raises NotFoundError if there is none, ValidationError with all if several do."""
    if exact := reader.deployment(prefix):
        return exact.deployment
    found = reader.find_deployments(prefix) if prefix else []  # an unset variable of a script names nothing
    if not found:
        hint = "`semantest-iac history` lists the deployments."
        raise NotFoundError(f"Cannot find deployment '{make_printable(prefix)}'.", hint=hint)
    if len(found) > 1:
        faults = [Fault(row.deployment, f"{row.kind} of {row.stack}, {row.state}") for row in found]
        message = f"Cannot choose a deployment: the ids of {len(found)} begin with '{prefix}'."
        raise ValidationError(message, hint="Write more of the id.", faults=faults)
    return found[0].deployment


def read_events(
    reader: LedgerReader,
    *,
    stack: str | None = None,
    deployment: str | None = None,
    after: int = 0,
    limit: int | None = None,
    journal: bool = False,
) -> list[dict[str, Any]]:
    """Return the CloudEvents of one deployment, one stack, both or all, without the journal unless it is asked for.

    Their `sequence` is the ledger position, from which `after` continues; the `subject` of those about no single stack
    is None. Raises NotFoundError for a deployment that was never requested.
    """
    if deployment:
        row = find_deployment(reader, deployment)
        since = list_events_since(reader, row) if stack in (None, row.stack) else []
        found = iter([it for it in since if it.position > after])
    else:
        found = _events_of(reader, stack, after)
    selection = EventSelection(stack, deployment, journal)
    return [to_listed_event(row) for row in islice(filter(selection.matches, found), limit)]


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Selects events of the log: those of one deployment, one stack, both or all, and whether the journal is wanted."""

    stack: str | None = None
    deployment: str | None = None
    journal: bool = False

    def matches(self, recorded: RecordedEvent) -> bool:
        if self.stack not in (None, recorded.stream):
            return False
        if not self.journal and recorded.type.startswith(JOURNAL_PREFIX):
            return False
        return self.deployment is None or is_event_of(recorded, self.deployment)


def is_event_of(recorded: RecordedEvent, deployment: str) -> bool:
    """Whether the event is about the deployment; only one that names it is parsed."""
    return deployment in recorded.json and deployment_id_of(recorded.event) == deployment


def to_listed_event(recorded: RecordedEvent) -> dict[str, Any]:
    """Return the CloudEvent as `events --json` prints it."""
    return {"subject": None, **recorded.event, "sequence": str(recorded.position)}


def require_row(reader: LedgerReader, deployment: str, hint: str) -> DeploymentRow:
    """Return the deployment; raises NotFoundError, with what to do, for one that was never requested."""
    row = reader.deployment(deployment)
    if row is None:
        raise NotFoundError(f"Cannot find deployment '{deployment}'.", hint=hint)
    return row


def find_deployment(reader: LedgerReader, deployment: str) -> DeploymentRow:
    """Return the deployment; raises NotFoundError for one that was never requested."""
    row = reader.deployment(deployment)
    if row is None:
        raise NotFoundError(
            f"Cannot read events of deployment '{deployment}': no deployment has that id.",
            hint="`semantest-iac history` lists the deployments.",
        )
    return row


def find_request_of(reader: LedgerReader, row: DeploymentRow) -> RecordedEvent | None:
    """Return the event that asked for a deployment; None where the ledger does not hold it."""
    return next(reader.log(row.position - 1, limit=1), None)


def list_events_since(reader: LedgerReader, row: DeploymentRow) -> list[RecordedEvent]:
    """Return the events of a deployment's stack from its request on: none about the deployment comes before that."""
    opened = find_request_of(reader, row)
    return reader.stream(row.stack, opened.version - 1) if opened else []


def _events_of(reader: LedgerReader, stack: str | None, after: int) -> Iterator[RecordedEvent]:
    if stack is None:
        return reader.log(after)
    return (row for row in reader.stream(stack) if row.position > after)


def find_recorded_environments(ledger: LedgerReader) -> dict[str, str]:
    """Map each environment of a configuration's own to the built-in one that it extended when it was last requested."""
    found: dict[str, str] = {}
    for row in ledger.newest():
        environment = Stack.parse(row.stack).environment
        if environment not in ENVIRONMENTS and (base := _read_base_environment(ledger, row)):
            found.setdefault(environment, base)
    return found


def find_recorded_base(ledger: LedgerReader, stack: str) -> str | None:
    """Return the built-in environment that the stack's own one extended when it was last requested; None without."""
    newest = ledger.stack(stack).newest
    row = ledger.deployment(newest) if newest else None
    return _read_base_environment(ledger, row) if row else None


def _read_base_environment(ledger: LedgerReader, row: DeploymentRow) -> str | None:
    request = find_request_of(ledger, row)
    base = request.event["data"].get("base_environment") if request else None
    return str(base) if base else None


_DEPLOYMENT_REQUESTED = "infrastructure.deployment.requested"


def find_owning_engine(ledger: LedgerReader, stack: str) -> EngineChoice | None:
    """Return the engine that the stack belongs to since its first change, successful or not; None without one."""
    return _find_engine_of(ledger, ledger.stack(stack))


def _find_engine_of(ledger: LedgerReader, stack: StackRow) -> EngineChoice | None:
    row = ledger.deployment(stack.owner) if stack.owner else None
    return requested_engine(ledger, row) if row else None


def mark_interrupted(
    rows: Iterable[Mapping[str, Any]], list_runs: Callable[[], Iterable[QueuedRun]]
) -> list[dict[str, Any]]:
    """Add `interrupted` to rows of deployments: whether one has not ended, and nobody works on it any more.

    The queue is asked only if there is an unended one.
    """
    rows = list(rows)
    unended = {row["deployment"] for row in rows if row["state"] in ACTIVE_STATUSES}
    continued = {run.deployment for run in list_runs() if not run.is_abandoned} if unended else set()
    return [{**row, "interrupted": row["deployment"] in unended - continued} for row in rows]


def add_drift_checks(rows: Iterable[Mapping[str, Any]], checks: Iterable[DriftCheck]) -> list[dict[str, Any]]:
    """Add when a worker looked for drift of each stack last and what came of it; None for one that none looked at."""
    known = {check.stack: check for check in checks}
    return [{**row, **_drift_fields(known.get(row["stack"]))} for row in rows]


def _drift_fields(check: DriftCheck | None) -> dict[str, Any]:
    if check is None:
        return {"drift_checked_at": None, "drift": None}
    if check.outcome == "requested":
        return {"drift_checked_at": None, "drift": check.outcome}
    moment = datetime.fromtimestamp(check.checked_at, UTC).isoformat(timespec="milliseconds")
    return {"drift_checked_at": moment.replace("+00:00", "Z"), "drift": check.outcome}


def list_deployed_components(ledger: LedgerReader) -> list[str]:
    """Return the names of all components of which a deployment was ever requested, sorted."""
    return sorted({split_stack_name(row.stack)[1] for row in ledger.stacks()})


def find_component_type_of(row: StackRow) -> str:
    """Return the type of a stack's component."""
    return row.component_type or split_stack_name(row.stack)[1]


def answers_requests(row: StackRow) -> bool:
    """Whether the stack's component is an API, which clients can call."""
    return find_component_type_of(row) not in (ACCOUNT_COMPONENT, *PLATFORM_TYPES)


def find_entrances(row: StackRow) -> tuple[str, ...]:
    """Return through which layers of a platform clients come: `gateway`, `site`, both or none."""
    return tuple(layer for layer in _ENTRANCE_LAYERS if f"{layer}_url" in row.outputs) if is_platform(row) else ()


def is_platform(row: StackRow) -> bool:
    """Whether the stack's component is a platform or one of its layers."""
    return find_component_type_of(row) in PLATFORM_TYPES


def find_deployed_type(ledger: LedgerReader, stack: str) -> str | None:
    """Return the type of the component that is deployed, as far as it ever was; None if nothing is."""
    row = ledger.stack(stack)
    return find_component_type_of(row) if row.owner else None


def is_deployed_or_unfinished(ledger: LedgerReader, stack: str) -> bool:
    """Whether the stack belongs to an engine, or its newest deployment has not ended."""
    row = ledger.stack(stack)
    newest = ledger.deployment(row.newest) if row.newest else None
    return row.owner is not None or (newest is not None and newest.state in ACTIVE_STATUSES)


def has_other_stacks(ledger: LedgerReader, stack: Stack) -> bool:
    """Whether other stacks of the component are deployed."""
    return any(
        row.owner is not None and row.stack != str(stack) and split_stack_name(row.stack)[1] == stack.component
        for row in ledger.stacks()
    )


def requested_engine(ledger: LedgerReader, row: DeploymentRow) -> EngineChoice | None:
    """Return the engine of one deployment; None for a destroy."""
    request = find_request_of(ledger, row)
    if request is None or request.type != _DEPLOYMENT_REQUESTED:
        return None
    data = request.event["data"]
    environment = data.get("base_environment") or Stack.parse(row.stack).environment
    return read_engine_choice(environment, data.get("configuration") or {})


def choose_engine_of_run(ledger: LedgerReader, row: DeploymentRow) -> EngineChoice:
    """Return the engine on which a deployment goes on: that of its request, else the one that owns its stack."""
    return requested_engine(ledger, row) or find_owning_engine(ledger, row.stack) or EngineChoice()


def list_simulated_stacks(ledger: LedgerReader) -> list[StackRow]:
    """Return what is deployed in simulated clouds, whether it answers requests or not."""
    return [row for row in ledger.stacks() if _is_deployed_simulated(ledger, row)]


def simulated_releases(ledger: LedgerReader) -> dict[str, str]:
    """Map each simulated stack that answers requests to its newest release.

    That is the deployment that ended last, or what it was changed to since: a share of the traffic that a deployment
    has given its new version.
    """
    answering = (row for row in list_simulated_stacks(ledger) if answers_requests(row) or find_entrances(row))
    return {row.stack: _newest_release(ledger, row) for row in answering}


def all_simulated_releases(ledger: LedgerReader) -> dict[str, str]:
    """Map each simulated stack to its newest release, whether it answers requests or not."""
    return {row.stack: _newest_release(ledger, row) for row in list_simulated_stacks(ledger)}


def list_local_domains(ledger: LedgerReader) -> dict[str, str]:
    """Map each domain of a simulated stack to what answers there: `<stack>/<path>`, or `<stack>` alone for a site.

    Of stacks in several clouds or regions that have the same domain, the first counts.
    """
    found: dict[str, str] = {}
    for row in list_simulated_stacks(ledger):
        outputs, gateway = row.outputs, urlsplit(str(row.outputs.get("gateway_url", "")))
        targets = {DOMAIN_URL_OUTPUT: f"{row.stack}/"}
        targets[f"gateway_{DOMAIN_URL_OUTPUT}"] = f"{row.stack}{gateway.path.rstrip('/') or '/'}"
        for output, target in targets.items():
            if output in outputs:
                found.setdefault(str(urlsplit(str(outputs[output])).hostname), target)
        site = urlsplit(str(outputs.get("site_url", ""))).hostname
        if site and site != outputs.get("site_host"):
            found.setdefault(site, row.stack)
    return found


def is_served_locally(ledger: LedgerReader, stack: str) -> bool:
    """Whether the stack is deployed in a simulated cloud and answers requests."""
    row = ledger.stack(stack)
    return _is_deployed_simulated(ledger, row) and bool(answers_requests(row) or find_entrances(row))


def _is_deployed_simulated(ledger: LedgerReader, row: StackRow) -> bool:
    choice = _find_engine_of(ledger, row) if row.last_good else None
    return choice is not None and choice.is_simulated


def _newest_release(ledger: LedgerReader, row: StackRow) -> str:
    """Find it among the newest two: at most one deployment of a stack is running, and may have divided the traffic."""
    newest = ledger.deployments({row.stack}, limit=2)
    finished = next((it.deployment for it in newest if it.finished_at), str(row.last_good))
    shifts = [
        str(event.position)
        for it in newest
        if not it.finished_at
        for event in list_events_since(ledger, it)
        if event.type == TRAFFIC_SHIFTED and is_event_of(event, it.deployment)
    ]
    return f"{finished}+{shifts[-1]}" if shifts else finished
