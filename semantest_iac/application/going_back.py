"""The way back after a failure that had already changed something."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, TypedDict

from semantest_iac.application.attempt import identity_of, stack_of
from semantest_iac.application.chronicle import Chronicle
from semantest_iac.application.failures import told
from semantest_iac.application.last_good import LastGood, last_good
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.tally import Tally
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.plan import ChangePlan, count
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Progress, Removal, Work
from semantest_iac_events.deployments import DeploymentNeedsOperator, DeploymentRequested, DeploymentRolledBack
from semantest_iac_events.stack_event import StackEvent, StackFailure

LIMIT_S = 900.0


class Restored(TypedDict):
    """The deployment that was restored, None where nothing is left, and what the stack offers again."""

    restored_deployment: str | None
    outputs: dict[str, Any]


class GoingBack:
    """Makes a stack again what its last good deployment made it; one that never was good is removed."""

    def __init__(
        self, service: DeploymentService, ledger: LedgerReader, progress: Progress, limit_s: float = LIMIT_S
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._progress = progress
        self._limit_s = limit_s

    async def after(
        self, error: Exception, request: DeploymentRequested, chronicle: Chronicle, forth: Sequence[str] = ()
    ) -> StackFailure:
        """How the deployment ends: rolled back, or with what is left for an operator; `forth` was done before."""
        about, reasons, tally = identity_of(request), told(error), Tally(self._progress)
        try:
            restored = await chronicle.step("roll_back", partial(self._within_limit, request, chronicle, tally))
        except Exception as second:
            reasons["reason"] += f" Going back failed: {told(second)['reason']}"
            remainder, ways = await left(self._ahead(request)), commands(stack_of(request))
            changes = count([*forth, *tally.operations])
            return DeploymentNeedsOperator(**about, **reasons, changes=changes, remainder=remainder, commands=ways)
        return DeploymentRolledBack(**about, **reasons, changes=count([*forth, *tally.operations]), **restored)

    async def _within_limit(self, request: DeploymentRequested, chronicle: Chronicle, progress: Progress) -> Restored:
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._back(request, chronicle, progress)
        except TimeoutError as error:
            message = f"Cannot go back within {self._limit_s:.0f} seconds."
            raise DeploymentError(message, "ROLLBACK_TIMEOUT") from error

    async def _back(self, request: DeploymentRequested, chronicle: Chronicle, progress: Progress) -> Restored:
        stack = stack_of(request)
        good = last_good(self._ledger, stack)
        if good is None:
            removal = Removal(request.deployment_id, stack, self._ledger.stack(str(stack)).generation)
            await self._service.remove(removal, _unannounced, progress)
            return Restored(restored_deployment=None, outputs={})
        work = self._work(request, good)
        plan = await self._service.plan(work)
        applied = await self._service.apply(work, plan, chronicle.publish, progress)
        if plan.lacks_code:
            applied = await self._service.publish_code(work, applied, chronicle.publish, progress)
        await self._service.verify(stack, good.settings)
        return Restored(restored_deployment=good.deployment, outputs=dict(applied.outputs))

    def _work(self, request: DeploymentRequested, good: LastGood) -> Work:
        stack = stack_of(request)
        generation = self._ledger.stack(str(stack)).generation
        return Work(request.deployment_id, self._service.blueprint(stack, generation, good.settings), good.artifact)

    async def _ahead(self, request: DeploymentRequested) -> ChangePlan:
        """What the way back would still have to do."""
        good = last_good(self._ledger, stack_of(request))
        if good is None:
            return await self._service.plan_removal(stack_of(request))
        return await self._service.plan(self._work(request, good))


async def _unannounced(event: StackEvent) -> None:
    """Here `removed` would claim that a removal was asked for; the deployment's own last event says what is left."""


async def left(looking: Coroutine[Any, Any, ChangePlan]) -> tuple[str, ...]:
    """One line for each operation that is still ahead, as far as the engine can say after a failure."""
    try:
        plan = await asyncio.wait_for(looking, LIMIT_S)
    except Exception:
        return ("unknown: the engine could not say what is left",)
    return tuple(f"{change.op} {change.name} ({change.type})" for change in plan.mutations)


def commands(stack: Stack) -> tuple[str, ...]:
    """What a person can do about a stack that is neither here nor there."""
    place = f"--component {stack.component} --provider {stack.provider} --env {stack.environment}"
    return tuple(f"semantest-iac {verb} {place} --region {stack.region}" for verb in ("preview", "deploy", "destroy"))
