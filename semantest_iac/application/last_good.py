"""What the last good deployment of a stack was made of, as the ledger remembers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from semantest_iac.application.ports.ledger import LedgerReader, Recorded
from semantest_iac.application.preparation import configuration_of
from semantest_iac.application.queries.deployments import deployment_of
from semantest_iac.application.recorder import revived
from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.deployment.journal import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import resolved
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import NotFoundError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event

MASK = "***"  # what stands in the place of a secret

AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class LastGood:
    """A deployment that completed, with all that it takes to make it again."""

    deployment: str
    settings: ComponentSettings
    artifact: Artifact | None


def last_good(ledger: LedgerReader, stack: Stack) -> LastGood | None:
    """None where nothing has been completed since the stack was last removed.

    Raises NotFoundError when the ledger does not hold all of it, or holds it with a secret taken out.
    """
    deployment = ledger.stack(str(stack)).last_good
    if deployment is None:
        return None
    request = _found(DeploymentRequested, deployment, ledger.stream(str(stack)))
    package = _found(PackageBuilt, deployment, ledger.stream(str(stack)))
    if request is None or (package is None and stack.is_service):
        raise NotFoundError(f"Cannot go back to deployment '{deployment}': it is not fully on record.")
    settings = resolved(configuration_of(request), stack.component, stack.environment)
    return LastGood(deployment, settings, package.artifact if package else None)


def _found(kind: type[AnyEvent], deployment: str, stream: Iterable[Recorded]) -> AnyEvent | None:
    whole = (row for row in stream if row.type == kind.type_name and MASK not in row.json)
    events = (revived(row) for row in whole if deployment_of(row.event) == deployment)
    return next((event for event in events if isinstance(event, kind)), None)
