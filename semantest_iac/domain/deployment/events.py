"""Journal entries that a deployment records: its steps and its package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac_events.event import StackEvent, StackFailure
from semantest_iac_events.values import Value


class StepIntended(StackEvent):
    """A step is about to be taken: after a crash it is unknown whether it was."""

    type_name = "infrastructure.journal.step.intended"

    step: str


class StepObserved(StackEvent):
    """A step was taken."""

    type_name = "infrastructure.journal.step.observed"

    step: str


class StepFailed(StackFailure):
    """A step was tried and refused."""

    type_name = "infrastructure.journal.step.failed"

    step: str


class PackageRecord(Value):
    """One package, with what the cloud is told of it."""

    digest: str
    path: str
    handler: str
    runtime: str
    size: int
    variables: dict[str, str]

    @classmethod
    def of(cls, artifact: Artifact, **more: Any) -> Self:
        """The record of a package; `more` is what a kind of record says beside it."""
        return cls(
            digest=artifact.digest,
            path=str(artifact.path),
            handler=artifact.handler,
            runtime=artifact.runtime,
            size=artifact.size,
            variables=dict(artifact.environment),
            **more,
        )

    @property
    def artifact(self) -> Artifact:
        """The package again, as far as it has to be known to deploy it."""
        path = Path(self.path)
        return Artifact(self.digest, path, self.handler, self.runtime, self.size, environment=self.variables)


class PackageBuilt(StackEvent, PackageRecord):
    """What the deployment runs, in full: going back to it must not depend on what its source says by then."""

    type_name = "infrastructure.journal.package.built"

    notes: tuple[str, ...] = ()
    companions: dict[str, PackageRecord] = Field(default_factory=dict)

    @property
    def artifact(self) -> Artifact:
        """The package again, with all that comes with it."""
        companions = {name: companion.artifact for name, companion in self.companions.items()}
        return replace(super().artifact, companions=companions)


JOURNAL_TYPES = {entry.type_name: entry for entry in (StepIntended, StepObserved, StepFailed, PackageBuilt)}
