"""Answers what is deployed now, what was deployed before, and which events were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, RecordedEvent, StackRow
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class StackFilter:
    """Which stacks an answer is about; a part that is None is met by every stack."""

    component: str | None = None
    provider: str | None = None
    environment: str | None = None
    region: str | None = None

    def matches(self, stack: str) -> bool:
        """Whether a stack of this name is meant."""
        wanted = (self.component, self.provider, self.environment, self.region)
        if wanted == (None, None, None, None):
            return True
        parts = stack.split(".")
        return len(parts) == len(wanted) and all(want in (None, part) for want, part in zip(wanted, parts, strict=True))


ALL_STACKS = StackFilter()


def read_status(reader: LedgerReader, stack_filter: StackFilter = ALL_STACKS) -> list[dict[str, Any]]:
    """The newest deployment of each stack, newest first, with the endpoint and outputs that are live."""
    newest = [row for row in reader.newest() if stack_filter.matches(row.stack)]
    stacks = {row.stack: row for row in reader.stacks()}  # read later, so it holds them all
    return [deployment_to_dict(row) | _live_outputs(stacks[row.stack]) for row in newest]


def read_outputs(reader: LedgerReader, stack: str) -> dict[str, Any]:
    """The outputs of the stack's last good deployment; raises NotFoundError when there is none."""
    row = reader.stack(stack)
    if row.last_good is None:
        raise NotFoundError(
            f"Cannot read outputs of stack '{stack}': it has no completed deployment.",
            hint="`semantest-iac status` lists the stacks that were deployed.",
        )
    return dict(row.outputs)


def deployment_to_dict(row: DeploymentRow) -> dict[str, Any]:
    """A deployment in the shape of `--json`; `error` is there only where there is one."""
    answer: dict[str, Any] = {
        "deployment": row.deployment,
        "stack": row.stack,
        "kind": row.kind,
        "state": str(row.state),
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "changes": dict(row.changes),
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
    }
    return answer | ({"error": dict(row.error)} if row.error is not None else {})


def _live_outputs(row: StackRow) -> dict[str, Any]:
    return {
        "endpoint": row.endpoint,
        "outputs": dict(row.outputs),
        "generation": row.generation,
        "last_good": row.last_good,
    }


JOURNAL_PREFIX = "infrastructure.journal."


def read_history(
    reader: LedgerReader, stack_filter: StackFilter = ALL_STACKS, limit: int | None = None
) -> list[dict[str, Any]]:
    """Every deployment of the stacks, newest request first, each with its own changes, outputs and error."""
    if stack_filter == ALL_STACKS:
        return [deployment_to_dict(row) for row in reader.deployments(limit=limit)]
    names = [row.stack for row in reader.stacks() if stack_filter.matches(row.stack)]
    return [deployment_to_dict(row) for row in reader.deployments(names, limit)]


def read_events(
    reader: LedgerReader,
    *,
    stack: str | None = None,
    deployment: str | None = None,
    after: int = 0,
    limit: int | None = None,
    journal: bool = False,
) -> list[dict[str, Any]]:
    """CloudEvents with their ledger position as `sequence`, which is what `after` takes to read on.

    Of one deployment, of one stack, or of all; journal entries only when asked for. Raises NotFoundError
    for a deployment that was never requested.
    """
    found = _events_of_deployment(reader, deployment, after) if deployment else _events_of(reader, stack, after)
    wanted = (each for each in found if journal or not each.type.startswith(JOURNAL_PREFIX))
    return [each.event | {"sequence": str(each.position)} for each in islice(wanted, limit)]


def _events_of(reader: LedgerReader, stack: str | None, after: int) -> Iterator[RecordedEvent]:
    if stack is None:
        return reader.log(after)
    return (each for each in reader.stream(stack) if each.position > after)


def _events_of_deployment(reader: LedgerReader, deployment: str, after: int) -> Iterator[RecordedEvent]:
    row = reader.deployment(deployment)
    if row is None:
        raise NotFoundError(
            f"Cannot read events of deployment '{deployment}': there is none of that id.",
            hint="`semantest-iac history` lists the deployments.",
        )
    return (
        each
        for each in _events_of(reader, row.stack, after)
        if deployment in each.json and deployment_id_of(each.event) == deployment  # the text search is the cheap one
    )
