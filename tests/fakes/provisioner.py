"""An engine whose cloud is a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    PublishSettled,
    Removal,
    ReportProgress,
    ResourceProgress,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac_events.values import ChangeCounts
from tests.fakes.control_points import ControlPoints

ENDPOINT = "https://api.example.com"


class FakeProvisioner:
    """Keeps each resource of a stack as text: its description and the package that it runs.

    With `takes_code` the package is published in a step of its own; `code` is what each stack then runs.
    """

    def __init__(self, points: ControlPoints) -> None:
        self.points = points
        self.clouds: dict[str, dict[str, str]] = {}
        self.drift: tuple[PlannedChange, ...] = ()
        self.takes_code = False
        self.code: dict[str, str] = {}
        self.late: tuple[str, ...] = ()  # created only after code has been published

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        await self.points.reach("preview")
        stack = str(work.blueprint.stack)
        lacks_code = self.takes_code and self.code.get(stack) != _digest(work)
        return replace(self._difference(stack, _wanted(work)), lacks_code=lacks_code)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Apply one resource after the other; each passes the point `apply:<name>`."""
        await self.points.reach("apply")
        wanted = _wanted(work)
        difference = self._difference(str(work.blueprint.stack), wanted)
        await self._make(str(work.blueprint.stack), difference, wanted, progress)
        if any(change.name == "function" for change in difference.mutations):
            await publish(self._settled_function(work))
        outputs: dict[str, Any] = {"endpoint": ENDPOINT, "function_name": "function"}
        return ApplyResult(difference, outputs)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        progress(ResourceProgress("urn:function", "fake", "function", "publish", "running"))
        await self.points.reach("publish_code")
        self.code[str(work.blueprint.stack)] = _digest(work)
        progress(ResourceProgress("urn:function", "fake", "function", "publish", "done"))
        await publish(self._settled_function(work))
        late = tuple(PlannedChange(urn=f"urn:{name}", type="fake", name=name, op="create") for name in self.late)
        return applied.then(ApplyResult(ChangePlan(late), applied.outputs)) if late else applied

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        await self.points.reach("preview_destroy")
        return self._difference(str(stack), {})

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        await self.points.reach("detect_drift")
        return self.drift

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete one resource after the other; each passes the point `remove:<name>`."""
        await self.points.reach("remove")
        difference = self._difference(str(removal.stack), {})
        await self._make(str(removal.stack), difference, {}, progress)
        return difference.changes

    def _settled_function(self, work: Work) -> SettledResource:
        assert work.artifact is not None
        return SettledResource(
            "semantest:compute:ServerlessFunction",
            {
                "name": "function",
                "arn": "arn:fake:function",
                "version": "1",
                "runtime": work.artifact.runtime,
                "memory_mb": 512,
                "takes_code": self.takes_code,
            },
        )

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


def _changes(there: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[PlannedChange]:
    for name in sorted({*there, *wanted}):
        op = _operation(there.get(name), wanted.get(name))
        yield PlannedChange(urn=f"urn:{name}", type="fake", name=name, op=op)


def _operation(there: str | None, wanted: str | None) -> Literal["create", "update", "delete", "same"]:
    if there == wanted:
        return "same"
    if there is None:
        return "create"
    return "delete" if wanted is None else "update"
