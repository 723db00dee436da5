"""Journal entries: facts for the ledger about single steps, never told to the outside."""

from __future__ import annotations

from pydantic import Field

from semantest_iac_events.stack_event import StackEvent, StackFailure
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


class Package(Value):
    """One package, with what the cloud is told of it."""

    digest: str
    path: str
    handler: str
    runtime: str
    size: int
    variables: dict[str, str]


class PackageBuilt(StackEvent):
    """What the deployment runs, in full: going back to it must not depend on what its source says by then."""

    type_name = "infrastructure.journal.package.built"

    digest: str
    path: str
    handler: str
    runtime: str
    size: int
    variables: dict[str, str]
    notes: tuple[str, ...] = ()
    companions: dict[str, Package] = Field(default_factory=dict)


JOURNAL_TYPES = {entry.type_name: entry for entry in (StepIntended, StepObserved, StepFailed, PackageBuilt)}
