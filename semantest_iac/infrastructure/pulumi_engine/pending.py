"""Creates that were cut off: looked for in the cloud, and adopted or forgotten; never made a second time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, Fault
from semantest_iac.infrastructure.pulumi_engine.states import PendingCreate
from semantest_iac.infrastructure.pulumi_engine.tasks import Recovery

Search = Callable[[PendingCreate], str | None]
"""The id of what the create made, None where it made nothing. One of its `known` ids is not the answer."""


def recovery_of(told: Sequence[Mapping[str, Any]], stack: Stack, search: Search | None) -> Recovery:
    """What there is becomes part of the state, the rest is forgotten and will be created.

    Raises DeploymentError where nobody can look.
    """
    pending = [PendingCreate(**it) for it in told]
    if search is None:
        raise _unable(pending, stack)
    return Recovery({create.urn: found for create in pending if (found := search(create))})


def _unable(pending: Sequence[PendingCreate], stack: Stack) -> DeploymentError:
    """The error where nobody can look: a person must, and is told the commands."""
    refresh = f"pulumi refresh --yes --skip-preview --stack {stack}"
    faults = [
        Fault(
            create.urn,
            "its creation was begun and never confirmed",
            f"If it exists: {refresh} --import-pending-creates '{create.urn}' --import-pending-creates <its id>",
        )
        for create in sorted(pending, key=lambda create: create.urn)
    ]
    return DeploymentError(
        f"Cannot work on stack '{stack}': an earlier run was killed while it created resources.",
        "CREATES_PENDING",
        hint=f"Look in the cloud for each; for those that do not exist: {refresh} --clear-pending-creates",
        faults=faults,
    )
