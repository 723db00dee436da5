"""The Provisioner on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Applied, Progress, Publish, Removal, Tick, Work
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.context import Context
from semantest_iac.infrastructure.sandbox_engine import reports, wire
from semantest_iac.infrastructure.sandbox_engine.announcing import announcer, publishing
from semantest_iac.infrastructure.sandbox_engine.execution import PROJECT, execute
from semantest_iac.infrastructure.sandbox_engine.journal import Journal
from semantest_iac.infrastructure.sandbox_engine.monitor import Monitor, Settled
from semantest_iac.infrastructure.sandbox_engine.operators import DryOperator, LiveOperator
from semantest_iac.infrastructure.sandbox_engine.reading import reader
from semantest_iac.infrastructure.sandbox_engine.recovery import recover
from semantest_iac.infrastructure.sandbox_engine.refusals import translated
from semantest_iac.infrastructure.sandbox_engine.regions import Clouds, Regions
from semantest_iac.infrastructure.sandbox_engine.run import Run, StepError
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.store import StateStore
from semantest_iac.infrastructure.sandbox_engine.values import Properties
from semantest_iac_events.infrastructure import InfrastructureRemoved, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts


@dataclass(frozen=True, slots=True)
class _Ready:
    """A stack's memory, true again after whatever happened before, and the clouds it lives in."""

    stack: Stack
    snapshot: Snapshot
    regions: Regions


class SandboxEngine:
    """Runs the real programs against simulated clouds; one run of a stack at a time is the caller's business."""

    def __init__(self, store: StateStore, clouds: Clouds, secret_value: Callable[[str], str]) -> None:
        self._store = store
        self._clouds = clouds
        self._secret_value = secret_value

    async def preview(self, work: Work) -> ChangePlan:
        """What apply would do: the program runs with nothing behind it."""
        target = cloud(work.blueprint.stack.provider)
        program.load(target)
        ready = self._ready(work.blueprint.stack)
        run = Run(ready.snapshot, DryOperator(ready.regions.of), ready.regions.of, _unseen)
        try:
            await self._execute(work, run, ready, _unheard, dry=True)
            run.finish()
        except StepError as error:
            raise translated(error, target.name) from error
        return reports.plan(run.steps, target.stateful)

    async def apply(self, work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Applied:
        """Run the program for real; whatever stops it, the state says afterwards what is there."""
        program.load(cloud(work.blueprint.stack.provider))
        ready = self._ready(work.blueprint.stack)
        async with publishing(publish) as tell, self._running(ready, progress) as run:
            await self._execute(work, run, ready, announcer(work, run, tell), dry=False)
            await asyncio.to_thread(run.finish)
        applied = reports.applied(run)
        await publish(InfrastructureUpdated(**work.identity, changes=applied.changes, outputs=dict(applied.outputs)))
        return applied

    async def preview_removal(self, stack: Stack) -> ChangePlan:
        """Every resource of the stack, as a delete."""
        ready = self._ready(stack)
        run = Run(ready.snapshot, DryOperator(ready.regions.of), ready.regions.of, _unseen)
        run.finish()
        return reports.plan(run.steps, cloud(stack.provider).stateful)

    async def remove(self, removal: Removal, publish: Publish, progress: Progress) -> ChangeCounts:
        """Delete what the state knows; no program is needed for that."""
        ready = self._ready(removal.stack)
        async with self._running(ready, progress) as run:
            await asyncio.to_thread(run.finish)
        changes = reports.applied(run).changes
        await publish(InfrastructureRemoved(**removal.identity, changes=changes, generation=removal.generation))
        return changes

    def export(self, stack: Stack) -> dict[str, Any]:
        """The state in Pulumi's deployment format, secrets sealed."""
        return self._store.deployment(self._store.snapshot(stack))

    def _ready(self, stack: Stack) -> _Ready:
        snapshot, begun = self._store.unfinished(stack)
        regions = Regions(self._clouds, snapshot, stack.region)
        return _Ready(stack, recover(snapshot, begun, regions.of), regions)

    @asynccontextmanager
    async def _running(self, ready: _Ready, progress: Progress) -> AsyncIterator[Run]:
        """A live run, whose end is written down however it comes: success, refusal or cancellation."""
        journal = self._store.journal(ready.stack)
        run = Run(ready.snapshot, LiveOperator(ready.regions.of, journal), ready.regions.of, progress)
        try:
            yield run
        except StepError as error:
            raise translated(error, ready.stack.provider) from error
        finally:
            run.stop(StepError(None, "the run has ended"))
            self._settle(ready, journal)

    def _settle(self, ready: _Ready, journal: Journal) -> None:
        snapshot = recover(ready.snapshot, journal.unfinished, ready.regions.of)
        self._store.save(ready.stack, snapshot)
        journal.close()

    async def _execute(self, work: Work, run: Run, ready: _Ready, settled: Settled, *, dry: bool) -> None:
        blueprint, stack = work.blueprint, str(ready.stack)
        context = Context(blueprint.stack, blueprint.generation, work.artifact, self._secret_value)
        monitor = Monitor(
            run,
            stack=stack,
            project=PROJECT,
            invoke=lambda request: _invoke(ready.regions, request),
            read=reader(run, ready.regions, stack=stack, project=PROJECT),
            settled=settled,
        )
        await execute(
            lambda: program.deploy(blueprint, cloud(blueprint.stack.provider), context),
            monitor,
            stack=stack,
            dry=dry,
        )


def _invoke(regions: Regions, request: Any) -> Properties:
    return dict(regions.at(request.tok, request.provider).invoke(request.tok, wire.decode(request.args)))


def _unseen(tick: Tick) -> None:
    """A preview has no progress to show."""


def _unheard(urn: str, outputs: Properties) -> None:
    """A preview completes nothing."""
