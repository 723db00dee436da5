"""The sandbox's engine does what Pulumi's own does: the same programs, the same operations, the same end."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from itertools import zip_longest
from pathlib import Path

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, ScriptedFault
from tests.differential.comparison import differences, operations, undecided
from tests.differential.pieces import named
from tests.differential.renaming import Renaming
from tests.differential.sequences import Edits, Step, chained, generated
from tests.differential.worlds import Deployer, Key, Outcome, PulumiWorld, SandboxWorld

_COUNT = int(os.environ.get("SEMANTEST_DIFFERENTIAL", "300"))
_SEED = int(os.environ.get("SEMANTEST_DIFFERENTIAL_SEED", "1"))
_BATCH = 25
_FAULTY = _COUNT // 10
_FEW = 5
_TOLD = (FaultEffect.PARTIAL, "create")  # the one late answer that says what was made
_NOTHING = Step(())

Record = Callable[[str, object], None]


class Pair:
    """The two worlds, side by side."""

    def __init__(self, folder: Path, key: Key, deployer: Deployer) -> None:
        self._ours = SandboxWorld(folder / "ours", key)
        self._theirs = PulumiWorld(folder / "theirs", key, deployer)
        self._renaming = Renaming()
        self.operations = 0

    def compare(self, sequences: list[Edits], *, alone: bool) -> list[str]:
        """What differs first when all sequences are played at once, step by step."""
        for number, steps in enumerate(zip_longest(*((*each, _NOTHING) for each in sequences), fillvalue=_NOTHING)):
            programs = named(step.program for step in steps)
            faults = tuple(step.fault for step in steps if step.fault)
            ours, theirs = self._ours.up(programs, faults, alone=alone), self._theirs.up(programs, faults, alone=alone)
            self.operations += operations(ours)
            free = _unanswered(faults, ours)
            trial = deepcopy(self._renaming)
            if not free and differences(ours, theirs, trial):
                free = undecided(ours, theirs)
            if found := differences(ours, theirs, self._renaming, free):
                return [f"step {number} of {sequences if alone else 'all'}", *found]
            if free:
                return []
        return []

    def close(self) -> None:
        """Let go of both clouds."""
        self._ours.close()
        self._theirs.close()


def _unanswered(faults: tuple[ScriptedFault, ...], outcome: Outcome) -> frozenset[str]:
    """The resources of which an engine cannot know what became of them; from there on each goes its own way."""
    lost = any(not fault.prevents_operation and (fault.effect, fault.operation) != _TOLD for fault in faults)
    return frozenset(urn for stage, _, urn in outcome.log if lost and stage == "failed")


def _succeeds(sequence: Edits, folder: Path, key: Key) -> bool:
    """Whether nothing of it is refused, in the sandbox at least: only then can it share a stack with others."""
    world = SandboxWorld(folder, key)
    try:
        return not any(world.up(named([step.program]), alone=True).error for step in (*sequence, _NOTHING))
    finally:
        world.close()


class Judge:
    """Compares sequences, some together and some each in a stack of its own, and counts them for the summary."""

    def __init__(self, folder: Path, key: Key, deployer: Deployer, record: Record) -> None:
        self._folder = folder
        self._key = key
        self._deployer = deployer
        self._record = record

    def differences(self, together: list[Edits], alone: list[Edits]) -> list[str]:
        """All that was found."""
        found: list[str] = []
        operations_ = 0
        for number, group in enumerate([together, *([chained(sequence)] for sequence in alone)]):
            pair = Pair(self._folder / f"pair-{number}", self._key, self._deployer)
            found += pair.compare(group, alone=number > 0) if group else []
            operations_ += pair.operations
            pair.close()
        self._record("differential", [len(together) + len(alone), operations_, _SEED])
        return found


@pytest.fixture
def judge(tmp_path: Path, key: Key, deployer: Deployer, record_property: Record) -> Judge:
    """Two empty worlds for each comparison."""
    return Judge(tmp_path, key, deployer, record_property)


class TestEngines:
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("first", range(0, _COUNT, _BATCH))
    def test_agree(self, first: int, judge: Judge, key: Key, tmp_path: Path) -> None:
        sequences = generated(_COUNT, _SEED)[first : first + _BATCH]
        calm = [each for number, each in enumerate(sequences) if _succeeds(each, tmp_path / f"trial-{number}", key)]

        found = judge.differences(calm, [sequence for sequence in sequences if sequence not in calm])

        assert not found, "\n".join(found)

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("first", range(0, _FAULTY, _FEW))
    def test_agree_about_faults(self, first: int, judge: Judge) -> None:
        sequences = generated(_FAULTY, _SEED, faulty=True)[first : first + _FEW]

        found = judge.differences([], sequences)

        assert not found, "\n".join(found)
