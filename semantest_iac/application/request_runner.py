"""Queues accepted requests and sees each to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.ports.run_queue import QueuedRun, QueuePlace
from semantest_iac.application.run_executor import RunExecutor
from semantest_iac.application.worker import Worker
from semantest_iac.domain.ports.provisioner import ReportProgress, WaitReporter, ignore_progress
from semantest_iac_events.event import StackRequest

_UNHELD = {"retrying": "which is tried again soon", "parked": "which waits for a decision"}


class RequestRunner:
    """Submits requests and carries them out in this process, unless a worker is faster."""

    def __init__(
        self, intake: Intake, executor: RunExecutor, worker: Worker, progress: ReportProgress = ignore_progress
    ) -> None:
        self._intake = intake
        self._executor = executor
        self._worker = worker
        self._progress = progress
        self._submitted: StackRequest | None = None

    async def submit(self, request: StackRequest, context: DeploymentContext | None, place: QueuePlace) -> None:
        """Queue an accepted request, and leave it to a worker."""
        await self._intake.submit(request, context, place)

    async def run(self, request: StackRequest, context: DeploymentContext | None = None) -> None:
        """Queue an accepted request and return when it has its terminal event; waiting for others is a step.

        Cancelling ends a request that still waits, and cancels one that is carried out.
        """
        submitting = asyncio.ensure_future(self._intake.submit(request, context))
        self._submitted = request
        wait = WaitReporter(self._progress)
        try:
            await asyncio.shield(submitting)
            await self._worker.run_until_ended(request.stack, request.deployment_id, partial(_report_wait, wait))
            wait.report_end("done")
        except asyncio.CancelledError:
            with suppress(Exception):
                await submitting  # it may be in the queue already
            await self._withdraw(request)
            raise
        finally:
            self._submitted = None
            wait.report_end("failed")

    async def _withdraw(self, request: StackRequest) -> None:
        if await self._intake.withdraw(request) == "retrying":  # claimed and not begun: only an own run can end it
            await self._worker.run_next([request.stack])

    async def abandon(self) -> None:
        """Record that the submitted request was cancelled, without waiting for its run, which records nothing more."""
        await self._executor.abandon()
        if self._submitted is not None:
            await self._intake.withdraw(self._submitted)


def _report_wait(wait: WaitReporter, runs: Sequence[QueuedRun]) -> None:
    """Report for which run is waited, the first one, and how many come between it and the own one, the last."""
    first, between = runs[0], len(runs) - 2
    if between < 0:
        return
    who = str(first.holder or _UNHELD.get(first.state, "which starts now"))
    more = f", {between} more before this one" if between else ""
    wait.report_holder(f"deployment {first.deployment} ({who}){more}")
