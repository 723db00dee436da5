"""One deployment from its request to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, InvalidStateError, ProviderError
from semantest_iac.domain.ports.provisioner import EventIdentity, event_identity
from semantest_iac_events.deployments import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentRequested,
    DeploymentStarted,
)
from semantest_iac_events.values import ChangeCounts, HealthAnswer


@dataclass(frozen=True, slots=True)
class DeploymentId:
    """The identity of a deployment; that of its request if the requester named none."""

    value: str

    def __post_init__(self) -> None:
        if not self.value.strip():
            raise ValueError("A deployment needs an id.")

    @classmethod
    def new(cls) -> DeploymentId:
        """Return an id that no other deployment has."""
        return cls(str(uuid4()))

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class DeploymentResults:
    """What a deployment brought about."""

    changes: ChangeCounts = field(default_factory=ChangeCounts)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    health: HealthAnswer | None = None
    duration_s: float = 0.0


@dataclass(slots=True)
class Deployment:
    """One attempt to bring a stack to its configuration; each transition returns the event to publish.

    The ledger knows finer statuses between in_progress and the end (`deployment.status`).
    """

    id: DeploymentId
    stack: Stack
    status: DeploymentStatus = DeploymentStatus.PENDING

    @classmethod
    def from_request(cls, request: DeploymentRequested) -> Deployment:
        """Return the pending deployment that a request opens; raises ValidationError for a malformed stack."""
        stack = Stack(request.component, request.provider, request.environment, request.region, request.project)
        return cls(DeploymentId(request.deployment_id), stack)

    @property
    def identity(self) -> EventIdentity:
        """The fields that every event of this deployment shares."""
        return event_identity(str(self.id), self.stack)

    def execute(self) -> DeploymentStarted:
        """Start; raises InvalidStateError unless the deployment is pending."""
        self._move(DeploymentStatus.IN_PROGRESS, DeploymentStatus.PENDING)
        return DeploymentStarted(**self.identity)

    def complete(self, results: DeploymentResults) -> DeploymentCompleted:
        """End well; raises InvalidStateError unless the deployment is in progress."""
        self._move(DeploymentStatus.COMPLETED, DeploymentStatus.IN_PROGRESS)
        outputs = dict(results.outputs)
        return DeploymentCompleted(
            **self.identity,
            changes=results.changes,
            outputs=outputs,
            endpoint=outputs.get("endpoint"),
            health=results.health,
            duration_s=results.duration_s,
        )

    def fail(self, error: DeploymentError) -> DeploymentFailed:
        """End with an error; raises InvalidStateError if the deployment has ended already."""
        self._move(DeploymentStatus.FAILED, DeploymentStatus.PENDING, DeploymentStatus.IN_PROGRESS)
        return DeploymentFailed(
            **self.identity,
            code=error.error_code,
            reason=error.reason,
            hint=error.hint,
            resource=error.resource if isinstance(error, ProviderError) else "",
        )

    def _move(self, status: DeploymentStatus, *allowed: DeploymentStatus) -> None:
        if self.status not in allowed:
            raise InvalidStateError(f"Cannot move deployment '{self.id}' to {status}: it is {self.status}.")
        self.status = status
