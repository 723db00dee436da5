"""Queues accepted requests and sees each to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.ports.run_queue import QueuedRun, QueuePlace
from semantest_iac.application.run_executor import RunExecutor
from semantest_iac.application.run_follower import RunFollower
from semantest_iac.application.worker import Worker
from semantest_iac.domain.ports.provisioner import ReportProgress, WaitReporter, ignore_progress
from semantest_iac_events.event import StackRequest

FollowRun = Callable[[str, int], RunFollower]
"""Returns the follower of a deployment of which so many events were shown."""

_RETRYING = "which is tried again soon"


class WaitView:
    """Shows what a request waits for: another run, or its own that a worker carries out."""

    def __init__(
        self,
        deployment: str,
        progress: ReportProgress,
        follower: RunFollower,
        waits_for_approval: Callable[[str], bool],
    ) -> None:
        self._waits_for_approval = waits_for_approval
        self._deployment = deployment
        self._wait = WaitReporter(progress)
        self._follower = follower
        self._is_elsewhere = False

    def show(self, runs: Sequence[QueuedRun]) -> None:
        """Show the run that is carried out, the first one; the own one comes last."""
        first, between = runs[0], len(runs) - 2
        if first.deployment == self._deployment and first.state == "parked":
            self._follower.show_new_events()
            self._wait.report_holder("what requests to the new version show")
            return
        if first.deployment == self._deployment:
            self._is_elsewhere = True
            self.end()
            return
        kind = "drift check" if first.state == "checking" else "deployment"
        who = str(first.holder or self._describe_unheld(first))
        more = f", {between} more before this one" if between else ""
        self._wait.report_holder(f"{kind} {first.deployment} ({who}){more}")

    def _describe_unheld(self, run: QueuedRun) -> str:
        """Return why nobody works on a run, with what a person who waits for it can do."""
        if run.state != "parked":
            return _RETRYING if run.state == "retrying" else "which starts now"
        verbs = ("approve", "reject") if self._waits_for_approval(run.deployment) else ("promote", "return")
        return f"which waits for a person: `semantest-iac {verbs[0]} {run.deployment}`, or {verbs[1]}"

    def end(self) -> None:
        """Nothing is waited for any more; show what the worker has recorded, if there is one."""
        self._wait.report_end("done")
        if self._is_elsewhere:
            self._follower.show_new_events()

    def fail(self) -> None:
        """Show that the wait came to nothing, if it has not ended."""
        self._wait.report_end("failed")


class RequestRunner:
    """Submits requests and carries them out in this process, unless a worker is faster."""

    def __init__(
        self,
        intake: Intake,
        executor: RunExecutor,
        worker: Worker,
        follow: FollowRun,
        progress: ReportProgress = ignore_progress,
    ) -> None:
        self._follow = follow
        self._intake = intake
        self._executor = executor
        self._worker = worker
        self._progress = progress
        self._submitted: StackRequest | None = None

    async def submit(self, request: StackRequest, context: DeploymentContext | None, place: QueuePlace) -> None:
        """Queue an accepted request, and leave it to a worker."""
        await self._intake.submit(request, context, place)

    async def run(self, request: StackRequest, context: DeploymentContext | None = None) -> None:
        """Queue an accepted request and return when it has its terminal event, or waits for an approval.

        Waiting for others is a step.
        The events of a request that a worker carries out are shown as it records them. One that would wait for a stack
        that is held by now is rejected: nobody expects it to be carried out when this has returned.

        Cancelling ends a request that still waits, and cancels one that is carried out.
        """
        submitting = asyncio.ensure_future(self._intake.submit(request, context))
        self._submitted = request
        shown = 2 if context and context.artifact else 1
        wait = self._open_view(request.deployment_id, self._follow(request.deployment_id, shown))
        try:
            await asyncio.shield(submitting)
            await self._run_to_end(request, wait)
            wait.end()
        except asyncio.CancelledError:
            with suppress(Exception):
                await submitting  # it may be in the queue already
            await self._withdraw(request)
            raise
        finally:
            self._submitted = None
            wait.fail()

    async def carry_on(self, request: StackRequest) -> None:
        """Carry on a queued request as `run` does; what was recorded of it so far is shown first."""
        follower = self._follow(request.deployment_id, 0)
        follower.show_new_events()
        self._submitted = request
        wait = self._open_view(request.deployment_id, follower)
        try:
            await self._run_to_end(request, wait)
            wait.end()
        except asyncio.CancelledError:
            await self._withdraw(request)
            raise
        finally:
            self._submitted = None
            wait.fail()

    def _open_view(self, deployment: str, follower: RunFollower) -> WaitView:
        return WaitView(deployment, self._progress, follower, self._executor.waits_for_approval)

    async def _run_to_end(self, request: StackRequest, wait: WaitView) -> None:
        deployment = request.deployment_id
        waits_for_person = partial(self._executor.waits_for_approval, deployment)
        with self._executor.adopt(deployment):
            run = partial(self._worker.run_until_ended, request.stack, deployment, wait.show, waits_for_person)
            while await run() == "held":
                if await self._intake.reject_held(request):
                    break

    async def _withdraw(self, request: StackRequest) -> None:
        """Cancel the request; what was claimed and not begun, or waits between two runs, only an own run can end."""
        if await self._intake.withdraw(request) in ("retrying", "parked"):
            await self._worker.run_next([request.stack])

    async def abandon(self) -> None:
        """Record that the submitted request was cancelled, without waiting for its run, which records nothing more."""
        await self._executor.abandon()
        if self._submitted is not None:
            await self._intake.withdraw(self._submitted)
