"""What a run does, one operation at a time, and why it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

Operation = Literal["create", "update", "replace", "delete", "same"]


@dataclass(frozen=True, slots=True)
class Step:
    """One operation that was taken (or would be), for plans and counts."""

    op: Operation
    state: ResourceState
    why: tuple[str, ...] = ()


class StepError(Exception):
    """An operation was refused; the run makes no further ones. `refusal` holds the answer of the cloud, if any."""

    def __init__(self, state: ResourceState | None, message: str, refusal: CloudRefusal | None = None) -> None:
        super().__init__(message)
        self.state = state
        self.message = message
        self.refusal = refusal


@dataclass(slots=True)
class Brake:
    """Stops a run from outside: pulled from any thread, looked at before every operation."""

    reason: Exception | None = None

    def pull(self, reason: Exception) -> None:
        """Let the operation under way end and no further one begin; the first reason counts."""
        self.reason = self.reason or reason
