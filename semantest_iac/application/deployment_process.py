"""The order of the steps of a deployment, and what is written down around each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from semantest_iac.application.attempt import Attempt
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.preparation import Preparation, Step
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.journal import StepFailed, StepIntended, StepObserved
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Applied, Progress, Publish, Removal, Work, identity
from semantest_iac_events.deployments import (
    DeploymentCancelled,
    DeploymentCompleted,
    DeploymentRequested,
    DeploymentStarted,
)
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from semantest_iac_events.stack_event import StackEvent, StackRequest

Result = TypeVar("Result")


class DeploymentProcess:
    """Takes one request to its end; the caller holds the stack."""

    def __init__(
        self,
        preparation: Preparation,
        service: DeploymentService,
        bus: MessageBus,
        ledger: LedgerReader,
        progress: Progress,
    ) -> None:
        self._service = service
        self._bus = bus
        self._ledger = ledger
        self._progress = progress
        self._before_the_plan: dict[str, Step] = {**preparation.steps, "preview": self._preview}
        self._after_the_plan: dict[str, Step] = {"apply": self._apply, "verify": self._verify}

    async def plan(self, request: DeploymentRequested) -> Attempt:
        """Everything up to the plan, with nothing written down and nothing changed."""
        attempt = Attempt(request)
        for step in self._before_the_plan.values():
            attempt = await step(attempt)
        return attempt

    async def deploy(self, request: DeploymentRequested) -> DeploymentCompleted:
        """Every step in order; an empty plan ends well after a look at the service. Raises DeploymentError."""
        attempt = Attempt(request)
        await self._publish(request, DeploymentStarted(**attempt.identity))
        try:
            attempt = await self._through(self._before_the_plan, attempt)
            await self._publish(request, attempt.planned())
            if attempt.plan.is_empty:
                attempt = await self._verify(self._as_it_is(attempt))
            else:
                attempt = await self._through(self._after_the_plan, attempt)
        except asyncio.CancelledError:
            await self._publish(request, DeploymentCancelled(**attempt.identity, reason="It was interrupted."))
            raise
        return attempt.completed()

    async def remove(self, request: InfrastructureRemovalRequested) -> None:
        """Take the stack away; its next deployment is a new generation. Raises DeploymentError."""
        stack = stack_of(request)
        removal = Removal(request.deployment_id, stack, self._ledger.stack(str(stack)).generation)
        await self._journalled(
            request, "remove", lambda: self._service.remove(removal, self._publisher(request), self._progress)
        )

    async def _through(self, steps: dict[str, Step], attempt: Attempt) -> Attempt:
        for name, step in steps.items():
            attempt = await self._journalled(attempt.request, name, partial(step, attempt))
        return attempt

    async def _preview(self, attempt: Attempt) -> Attempt:
        work = self._work(attempt)
        return replace(attempt, work=work, plan=await self._service.plan(work))

    def _work(self, attempt: Attempt) -> Work:
        assert attempt.settings is not None  # noqa: S101  # the step before has seen to it
        generation = self._ledger.stack(str(attempt.stack)).generation
        blueprint = self._service.blueprint(attempt.stack, generation, attempt.settings)
        return Work(attempt.request.deployment_id, blueprint, attempt.artifact)

    async def _apply(self, attempt: Attempt) -> Attempt:
        assert attempt.work is not None  # noqa: S101  # made by the preview
        publish = self._publisher(attempt.request)
        applied = await self._service.apply(attempt.work, attempt.plan, publish, self._progress)
        return replace(attempt, applied=applied)

    async def _verify(self, attempt: Attempt) -> Attempt:
        return replace(attempt, health=await self._service.verify(attempt.stack))

    def _as_it_is(self, attempt: Attempt) -> Attempt:
        outputs = self._ledger.stack(str(attempt.stack)).outputs
        return replace(attempt, applied=Applied(attempt.plan.changes, outputs))

    async def _journalled(self, request: StackRequest, step: str, act: Callable[[], Awaitable[Result]]) -> Result:
        """An intention without an observation is what a crash leaves."""
        about = identity(request.deployment_id, stack_of(request))
        await self._bus.record(StepIntended(**about, step=step).caused_by(request))
        try:
            result = await act()
        except DeploymentError as error:
            failed = StepFailed(**about, step=step, code=error.error_code, reason=error.message, hint=error.hint)
            await self._bus.record(failed.caused_by(request))
            raise
        await self._bus.record(StepObserved(**about, step=step).caused_by(request))
        return result

    async def _publish(self, request: StackRequest, event: StackEvent) -> None:
        await self._bus.publish(event.caused_by(request))

    def _publisher(self, request: StackRequest) -> Publish:
        return lambda event: self._publish(request, event)


def stack_of(event: StackEvent) -> Stack:
    """The stack that an event is about."""
    return Stack(event.component, event.provider, event.environment, event.region)
