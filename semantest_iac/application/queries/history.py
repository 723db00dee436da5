"""What happened: deployments newest first, and the events in the order in which they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader, Recorded
from semantest_iac.application.queries.deployments import deployment_of
from semantest_iac.application.queries.status import EVERY_STACK, StackFilter, as_dict
from semantest_iac.domain.errors import NotFoundError

JOURNAL = "infrastructure.journal."


def history(
    reader: LedgerReader, stack_filter: StackFilter = EVERY_STACK, limit: int | None = None
) -> list[dict[str, Any]]:
    """Every deployment of the stacks, newest request first, each with its own changes, outputs and error."""
    if stack_filter == EVERY_STACK:
        return [as_dict(row) for row in reader.deployments(limit=limit)]
    names = [row.stack for row in reader.stacks() if stack_filter.matches(row.stack)]
    return [as_dict(row) for row in reader.deployments(names, limit)]


def events(
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
    found = _of_deployment(reader, deployment, after) if deployment else _of(reader, stack, after)
    wanted = (each for each in found if journal or not each.type.startswith(JOURNAL))
    return [each.event | {"sequence": str(each.position)} for each in islice(wanted, limit)]


def _of(reader: LedgerReader, stack: str | None, after: int) -> Iterator[Recorded]:
    if stack is None:
        return reader.log(after)
    return (each for each in reader.stream(stack) if each.position > after)


def _of_deployment(reader: LedgerReader, deployment: str, after: int) -> Iterator[Recorded]:
    row = reader.deployment(deployment)
    if row is None:
        raise NotFoundError(
            f"Cannot read events of deployment '{deployment}': there is none of that id.",
            hint="`semantest-iac history` lists the deployments.",
        )
    return (
        each
        for each in _of(reader, row.stack, after)
        if deployment in each.json and deployment_of(each.event) == deployment  # the text search is the cheap one
    )
