"""Runs from beginning to end: what is remembered goes in, what is true comes out, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Progress, Tick
from semantest_iac.infrastructure.sandbox_engine.executor import Executor
from semantest_iac.infrastructure.sandbox_engine.journal import Journal
from semantest_iac.infrastructure.sandbox_engine.operators import DryOperator, LiveOperator
from semantest_iac.infrastructure.sandbox_engine.recovery import recover
from semantest_iac.infrastructure.sandbox_engine.refusals import translated
from semantest_iac.infrastructure.sandbox_engine.regions import Clouds, Regions
from semantest_iac.infrastructure.sandbox_engine.run import Run
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot, in_order
from semantest_iac.infrastructure.sandbox_engine.steps import Brake
from semantest_iac.infrastructure.sandbox_engine.store import StateStore
from semantest_iac.infrastructure.sandbox_engine.values import Properties, bare


class Sessions:
    """Opens runs of stacks over one store; errors leave them in the words of the house."""

    def __init__(self, store: StateStore, clouds: Clouds) -> None:
        self._store = store
        self._clouds = clouds

    @contextmanager
    def dry(self, stack: Stack, brake: Brake) -> Iterator[Run]:
        """A run that changes nothing, not even after one that was killed."""
        with translated(stack):
            regions, snapshot, _ = self._true(stack)
            yield Run(Executor(snapshot, DryOperator(regions.of), _unseen, brake), regions)

    @contextmanager
    def live(self, stack: Stack, brake: Brake, progress: Progress) -> Iterator[Run]:
        """A run whose end is written down however it comes: success, refusal or cancellation."""
        with translated(stack):
            regions, snapshot, cut_short = self._true(stack)
            if cut_short:
                self._store.save(stack, snapshot)
            journal = self._store.journal(stack)
            run = Run(Executor(snapshot, LiveOperator(regions.of, journal), progress, brake), regions)
            try:
                yield run
            finally:
                run.conclude()
                self._settle(stack, run, journal)

    def export(self, stack: Stack) -> dict[str, Any]:
        """The state as it is on file, with the operations that a killed run did not end."""
        remembered = self._store.remembered(stack)
        return self._store.deployment(remembered.snapshot, remembered.begun)

    def deployed(self, stack: Stack) -> list[DeployedResource]:
        """What is remembered of the living resources that a cloud has, secrets opened."""
        return [
            DeployedResource(state.type, state.name, bare(state.outputs), bare(state.inputs), urn=state.urn)
            for state in self._store.remembered(stack).snapshot
            if state.custom and not state.delete
        ]

    def kinds(self, stack: Stack) -> list[tuple[str, Properties]]:
        """Type and outputs of the components."""
        return [
            (state.type, bare(state.outputs)) for state in self._store.remembered(stack).snapshot if not state.custom
        ]

    def _true(self, stack: Stack) -> tuple[Regions, Snapshot, bool]:
        """What is remembered, put right by asking the clouds, and whether the last run was cut short."""
        remembered = self._store.remembered(stack)
        snapshot = remembered.snapshot
        regions = Regions(self._clouds, snapshot, stack.region)
        recover(snapshot, remembered.begun, regions.of)
        snapshot = Snapshot(in_order(snapshot)) if remembered.begun else snapshot
        return Regions(self._clouds, snapshot, stack.region), snapshot, remembered.cut_short

    def _settle(self, stack: Stack, run: Run, journal: Journal) -> None:
        if journal.is_empty:
            return
        recover(run.executor.snapshot, journal.unfinished, run.regions.of)
        self._store.save(stack, in_order(run.executor.snapshot))
        journal.close()


def _unseen(tick: Tick) -> None:
    """A preview has no progress to show."""
