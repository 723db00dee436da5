"""Keeping the rows of deployments and stacks in step with the log, wherever the rows are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from semantest_iac.application.ports.ledger import DeploymentRow, Recorded, StackRow
from semantest_iac.application.queries.deployments import deployment_of, fold, fold_stack


class Rows(Protocol):
    """The rows that readers of the ledger ask for; the reading methods are those of LedgerReader."""

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        ...

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]:
        """Deployments of these stacks, newest request first."""
        ...

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        ...

    def stack(self, name: str) -> StackRow:
        """One stack, with its defaults if it was never deployed."""
        ...

    def stacks(self) -> list[StackRow]:
        """Every stack, by name."""
        ...

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        """Put both rows in the place of what was there."""
        ...


def project(rows: Rows, recorded: Recorded) -> None:
    """Bring the rows up to date with one more event."""
    event = recorded.event
    deployment = deployment_of(event)
    if deployment is None:
        return
    before = rows.deployment(deployment)
    after = fold(before, event, recorded.position)
    if after is not None and after != before:
        rows.save(after, fold_stack(rows.stack(after.stack), before, after))


class MemoryRows:
    """Rows in dictionaries: how a whole log is folded at once."""

    def __init__(self, log: Iterable[Recorded] = ()) -> None:
        self.by_deployment: dict[str, DeploymentRow] = {}
        self.by_stack: dict[str, StackRow] = {}
        for recorded in log:
            project(self, recorded)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        return self.by_deployment.get(deployment)

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]:
        """Deployments of these stacks, newest request first."""
        chosen = [row for row in self.by_deployment.values() if stacks is None or row.stack in stacks]
        return sorted(chosen, key=lambda row: -row.position)[:limit]

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        newest = {row.newest for row in self.by_stack.values()}
        return [row for row in self.deployments(None, None) if row.deployment in newest]

    def stack(self, name: str) -> StackRow:
        """One stack, with its defaults if it was never deployed."""
        return self.by_stack.get(name) or StackRow(name)

    def stacks(self) -> list[StackRow]:
        """Every stack, by name."""
        return [row for _, row in sorted(self.by_stack.items())]

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        """Put both rows in the place of what was there."""
        self.by_deployment[deployment.deployment] = deployment
        self.by_stack[stack.stack] = stack
