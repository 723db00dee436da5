"""Journal entries that a deployment records: its steps and its package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.compute.scaling import ScalingDirection
from semantest_iac.domain.deployment.status import (
    GENERATION_STARTED,
    REQUEST_RESOLVED,
    RUN_RESUMED,
    STEP_INTENDED,
)
from semantest_iac_events.event import StackEvent, StackFailure
from semantest_iac_events.values import Label, Prose, Seconds, Value


class StepIntended(StackEvent):
    """A step starts; after a crash it is unknown whether it was taken."""

    type_name = STEP_INTENDED

    step: str


class StepObserved(StackEvent):
    """A step succeeded."""

    type_name = "infrastructure.journal.step.observed"

    step: str


class StepRetried(StackEvent):
    """A step failed with an error that may be gone at another try, which follows after a pause.

    `attempt` counts the tries of the step, that one included.
    """

    type_name = "infrastructure.journal.step.retried"

    step: str
    attempt: int = Field(ge=2)
    pause_s: Seconds
    code: Label
    reason: Prose


class StepFailed(StackFailure):
    """A step failed."""

    type_name = "infrastructure.journal.step.failed"

    step: str


FindPackageFile = Callable[[str], Path]
"""Returns the file of a package by its digest."""


class RunResumed(StackEvent):
    """A run carries the deployment out again from its first step, because the run before it ended too early.

    `attempt` counts the runs of the deployment, this one included.
    """

    type_name = RUN_RESUMED

    attempt: int = Field(ge=2)


class PackageRecord(Value):
    """The record of one package; its file is found by the digest, on any machine."""

    model_config = ConfigDict(extra="ignore")  # earlier versions recorded a path too

    digest: str
    handler: str
    runtime: str
    size: int
    variables: dict[str, str]
    handlers: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def from_artifact(cls, artifact: Artifact, **more: Any) -> Self:
        """Return the record of a package; `more` are the fields of a subclass."""
        return cls(
            digest=artifact.digest,
            handler=artifact.handler,
            runtime=artifact.runtime,
            size=artifact.size,
            variables=dict(artifact.environment),
            handlers=dict(artifact.handlers),
            **more,
        )

    def to_artifact(self, find_file: FindPackageFile) -> Artifact:
        """Return the package with its file, as far as a deployment needs it."""
        return Artifact(
            self.digest,
            find_file(self.digest),
            self.handler,
            self.runtime,
            self.size,
            environment=self.variables,
            handlers=self.handlers,
        )


class PackageBuilt(StackEvent, PackageRecord):
    """The package of the deployment in full, because its source may differ by the time of a rollback.

    `is_verbatim` says that neither it nor the request of its deployment was redacted, as they were in earlier versions:
    `***` is then what was written.
    """

    type_name = "infrastructure.journal.package.built"

    notes: tuple[str, ...] = ()
    is_verbatim: bool = False
    companions: dict[str, PackageRecord] = Field(default_factory=dict)

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the package and of its companions."""
        return (self.digest, *(companion.digest for companion in self.companions.values()))

    def to_artifact(self, find_file: FindPackageFile) -> Artifact:
        """Return the package with its companions."""
        companions = {name: companion.to_artifact(find_file) for name, companion in self.companions.items()}
        return replace(super().to_artifact(find_file), companions=companions)


class RequestResolved(StackEvent):
    """What a request that refers to another deployment asks for, as of the time when it was carried out.

    The fields are those of a request to deploy; `restored_deployment` is the deployment that they are taken from.
    `scaling` is the direction of a request to scale, None where it changes nothing.
    """

    type_name = REQUEST_RESOLVED

    configuration: dict[str, JsonValue]
    restored_deployment: Label
    base_environment: Label | None = None
    component_type: Label | None = None
    scaling: ScalingDirection | None = Field(default=None, exclude_if=lambda direction: direction is None)


class ShiftRequested(StackEvent):
    """A person decided about the new version before the time of its step was over."""

    type_name = "infrastructure.journal.shift.requested"

    shift: Literal["promote", "return"]
    requested_by: Label
    reason: Prose = ""


class GenerationStarted(StackEvent):
    """The deployment uses a new generation of names, because an unfinished removal has used up the one before."""

    type_name = GENERATION_STARTED

    generation: int = Field(ge=2)


JOURNAL_TYPES = {
    entry.type_name: entry
    for entry in (
        StepIntended,
        StepRetried,
        StepObserved,
        StepFailed,
        RunResumed,
        PackageBuilt,
        RequestResolved,
        ShiftRequested,
        GenerationStarted,
    )
}
