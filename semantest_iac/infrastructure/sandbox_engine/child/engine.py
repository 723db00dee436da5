"""The Provisioner port on sandbox children."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    PublishSettled,
    Removal,
    ReportProgress,
    RevealSecret,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac.infrastructure.sandbox_engine.child.messages import SandboxOperation, SandboxTask, TaskFinished
from semantest_iac.infrastructure.sandbox_engine.child.processes import ChildDiedError, SandboxChildren
from semantest_iac_events.values import ChangeCounts

_ResultT = TypeVar("_ResultT")


class ChildSandboxEngine:
    """Carries out every operation in a child; the caller ensures one run per stack at a time."""

    def __init__(self, children: SandboxChildren, reveal_secret: RevealSecret) -> None:
        self._children = children
        self._reveal_secret = reveal_secret

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        return _as_result(await self._run("preview", work, work=work), ChangePlan)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        finished = await self._run("apply", work, plan, work=work, publish=publish, progress=progress)
        return _as_result(finished, ApplyResult)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        finished = await self._run("publish_code", work, applied, work=work, publish=publish, progress=progress)
        return applied if finished.is_given else _as_result(finished, ApplyResult)

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        return _as_result(await self._run("preview_destroy", stack), ChangePlan)

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        return tuple(_as_result(await self._run("detect_drift", stack), tuple))

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        return _as_result(await self._run("destroy", removal, progress=progress), ChangeCounts)

    async def _run(
        self,
        operation: SandboxOperation,
        *arguments: Any,
        work: Work | None = None,
        publish: PublishSettled | None = None,
        progress: ReportProgress = ignore_progress,
    ) -> TaskFinished:
        """Have a child carry out the operation; if it dies before it has answered, another one does, once."""
        task = SandboxTask(operation, arguments, await asyncio.to_thread(self._reveal_secrets, work))
        try:
            async with self._children.lend() as child:
                return await child.run(task, publish or _publish_nothing, progress)
        except ChildDiedError as error:
            if error.has_begun:
                raise
        async with self._children.lend() as child:
            return await child.run(task, publish or _publish_nothing, progress)

    def _reveal_secrets(self, work: Work | None) -> dict[str, str]:
        """Return the values of the secrets that the program needs."""
        if work is None:
            return {}
        blueprint = work.blueprint
        return {key: self._reveal_secret(blueprint.stack, secret) for key, secret in blueprint.secrets.items()}


def _as_result(finished: TaskFinished, kind: type[_ResultT]) -> _ResultT:
    """Return the result, which is of this kind."""
    assert isinstance(finished.result, kind)  # noqa: S101 - the child runs the same code
    return finished.result


async def _publish_nothing(settled: SettledResource) -> None:
    """Publish nothing: this operation settles no resource."""
