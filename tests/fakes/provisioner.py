"""An engine whose cloud is a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    EventPublisher,
    Removal,
    ReportProgress,
    ResourceProgress,
    Work,
)
from semantest_iac_events.infrastructure import FunctionDeployed, InfrastructureRemoved, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts, ResourceChange
from tests.fakes.points import Points

ENDPOINT = "https://api.example.com"


class FakeProvisioner:
    """Keeps each resource of a stack as text: what it was described as, and which package it runs.

    With `takes_code` the package is brought in a step of its own; `code` is what each stack then runs.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        self.clouds: dict[str, dict[str, str]] = {}
        self.takes_code = False
        self.code: dict[str, str] = {}
        self.late: tuple[str, ...] = ()  # made only when code has been published

    async def preview(self, work: Work) -> ChangePlan:
        """The difference between the blueprint and what is there."""
        await self.points.reach("preview")
        stack = str(work.blueprint.stack)
        lacks_code = self.takes_code and self.code.get(stack) != _digest(work)
        return replace(self._difference(stack, _wanted(work)), lacks_code=lacks_code)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: EventPublisher, progress: ReportProgress
    ) -> ApplyResult:
        """Make the difference, one resource after the other; each comes by `apply:<name>`."""
        await self.points.reach("apply")
        wanted = _wanted(work)
        difference = self._difference(str(work.blueprint.stack), wanted)
        await self._make(str(work.blueprint.stack), difference, wanted, progress)
        if not self.takes_code and any(change.name == "function" for change in difference.mutations):
            await publish(_deployed(work))
        outputs: dict[str, Any] = {"endpoint": ENDPOINT, "function_name": "function"}
        await publish(InfrastructureUpdated(**work.identity, changes=difference.changes, outputs=outputs))
        return ApplyResult(difference, outputs)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: EventPublisher, progress: ReportProgress
    ) -> ApplyResult:
        """Make the stack run the package."""
        progress(ResourceProgress("urn:function", "fake", "function", "publish", "running"))
        await self.points.reach("publish_code")
        self.code[str(work.blueprint.stack)] = _digest(work)
        progress(ResourceProgress("urn:function", "fake", "function", "publish", "done"))
        await publish(_deployed(work))
        late = tuple(ResourceChange(urn=f"urn:{name}", type="fake", name=name, op="create") for name in self.late)
        return applied.then(ApplyResult(ChangePlan(late), applied.outputs))

    async def preview_removal(self, stack: Stack) -> ChangePlan:
        """A delete of everything that is there."""
        await self.points.reach("preview_removal")
        return self._difference(str(stack), {})

    async def remove(self, removal: Removal, publish: EventPublisher, progress: ReportProgress) -> ChangeCounts:
        """Delete one resource after the other; each comes by `remove:<name>`."""
        await self.points.reach("remove")
        difference = self._difference(str(removal.stack), {})
        await self._make(str(removal.stack), difference, {}, progress)
        changes = difference.changes
        await publish(InfrastructureRemoved(**removal.identity, changes=changes, generation=removal.generation))
        return changes

    async def _make(
        self, stack: str, difference: ChangePlan, wanted: Mapping[str, str], progress: ReportProgress
    ) -> None:
        cloud = self.clouds.setdefault(stack, {})
        for change in difference.mutations:
            progress(ResourceProgress(change.urn, change.type, change.name, change.op, "running"))
            await self.points.reach(f"{'apply' if wanted else 'remove'}:{change.name}")
            if change.name in wanted:
                cloud[change.name] = wanted[change.name]
            else:
                del cloud[change.name]
            progress(ResourceProgress(change.urn, change.type, change.name, change.op, "done"))

    def _difference(self, stack: str, wanted: Mapping[str, str]) -> ChangePlan:
        return ChangePlan(tuple(_changes(self.clouds.get(stack, {}), wanted)))


def _digest(work: Work) -> str:
    return work.artifact.digest if work.artifact else ""


def _wanted(work: Work) -> dict[str, str]:
    digest = _digest(work)
    generation = work.blueprint.generation
    return {
        resource.name: f"{generation} {resource} {digest if resource.name == 'function' else ''}"
        for resource in work.blueprint.in_order()
    }


def _changes(there: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[ResourceChange]:
    for name in sorted({*there, *wanted}):
        op = _operation(there.get(name), wanted.get(name))
        yield ResourceChange(urn=f"urn:{name}", type="fake", name=name, op=op)


def _operation(there: str | None, wanted: str | None) -> Literal["create", "update", "delete", "same"]:
    if there == wanted:
        return "same"
    if there is None:
        return "create"
    return "delete" if wanted is None else "update"


def _deployed(work: Work) -> FunctionDeployed:
    assert work.artifact is not None
    return FunctionDeployed(
        **work.identity,
        function_name="function",
        arn="arn:fake:function",
        version="1",
        runtime=work.artifact.runtime,
        memory_mb=512,
        artifact_digest=work.artifact.digest,
    )
