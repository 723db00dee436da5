"""The sandbox engine behaves like Pulumi's own: the same programs give the same operations and the same result."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, ScriptedFault
from tests.differential.comparison import count_operations, differences, find_undecided
from tests.differential.engine_runners import Deployer, Outcome, PulumiRunner, SandboxRunner, SharedPassphrase
from tests.differential.name_mapping import NameMapping
from tests.differential.sequences import Edits, Step, chain_resources, generate_sequences
from tests.differential.specs import Options, ResourceSpec, name_programs
from tests.differential.type_kinds import find_single_types
from tests.differential.type_sequences import generate_type_sequences

_ALL = int(os.environ.get("SEMANTEST_DIFFERENTIAL", "12"))
_TYPED = _ALL // 2  # sequences about one type each, in turn; the others are programs of several resources
_COUNT = _ALL - _TYPED
_SEED = int(os.environ.get("SEMANTEST_DIFFERENTIAL_SEED", "1"))
_BATCH = 20
_FAULTY = _ALL // 10
_FAULTY_BATCH = 6
_TOLD_FAULT = (FaultEffect.PARTIAL, "create")  # the only late error that says what was created
_NOTHING = Step(())

Record = Callable[[str, object], None]


class EnginePair:
    """Both engines, side by side."""

    def __init__(self, folder: Path, passphrase: SharedPassphrase, deployer: Deployer) -> None:
        self._ours = SandboxRunner(folder / "ours", passphrase)
        self._theirs = PulumiRunner(folder / "theirs", passphrase, deployer)
        self._names = NameMapping()
        self.operations = 0

    def compare(self, sequences: list[Edits], *, sequential: bool) -> list[str]:
        """The first differences when all sequences run at once, step by step."""
        for number, steps in enumerate(zip_longest(*((*each, _NOTHING) for each in sequences), fillvalue=_NOTHING)):
            programs = name_programs(step.program for step in steps)
            faults = tuple(step.fault for step in steps if step.fault)
            ours, theirs = (
                self._ours.up(programs, faults, sequential=sequential),
                self._theirs.up(programs, faults, sequential=sequential),
            )
            self.operations += count_operations(ours)
            ignored = _find_unknown(faults, ours)
            trial = deepcopy(self._names)
            if not ignored and differences(ours, theirs, trial):
                ignored = find_undecided(ours, theirs)
            if found := differences(ours, theirs, self._names, ignored):
                return [f"step {number} of {sequences if sequential else 'all'}", *found]
            if ignored:
                return []
        return []

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


def _find_unknown(faults: tuple[ScriptedFault, ...], outcome: Outcome) -> frozenset[str]:
    """The resources whose fate an engine cannot know; after that the engines may differ."""
    lost = any(not fault.prevents_operation and (fault.effect, fault.operation) != _TOLD_FAULT for fault in faults)
    return frozenset(urn for stage, _, urn in outcome.log if lost and stage == "failed")


def _is_never_refused(sequence: Edits, folder: Path, passphrase: SharedPassphrase) -> bool:
    """Whether the sandbox refuses no step of it: only then can it share a stack with other sequences."""
    runner = SandboxRunner(folder, passphrase)
    try:
        return not any(
            runner.up(name_programs([step.program]), sequential=True).error for step in (*sequence, _NOTHING)
        )
    finally:
        runner.close()


def _divide(sequences: list[Edits], folder: Path, passphrase: SharedPassphrase) -> tuple[list[Edits], list[Edits]]:
    """Return the sequences that can share a stack, and the others."""
    shares = [
        not any(spec.kind in find_single_types() for step in each for spec in step.program)
        and _is_never_refused(each, folder / f"trial-{number}", passphrase)
        for number, each in enumerate(sequences)
    ]
    calm = [each for each, shared in zip(sequences, shares, strict=True) if shared]
    return calm, [each for each, shared in zip(sequences, shares, strict=True) if not shared]


class SequenceComparison:
    """Compares sequences, some in one stack and some each in its own, and counts them for the summary."""

    def __init__(self, folder: Path, passphrase: SharedPassphrase, deployer: Deployer, record: Record) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._deployer = deployer
        self._record = record

    def differences(self, concurrent: list[Edits], sequential: list[Edits]) -> list[str]:
        """All differences."""
        found: list[str] = []
        operations_ = 0
        for number, group in enumerate([concurrent, *([chain_resources(sequence)] for sequence in sequential)]):
            pair = EnginePair(self._folder / f"pair-{number}", self._passphrase, self._deployer)
            found += pair.compare(group, sequential=number > 0) if group else []
            operations_ += pair.operations
            pair.close()
        self._record("differential", [len(concurrent) + len(sequential), operations_, _SEED])
        return found


@pytest.fixture
def comparison(
    tmp_path: Path, passphrase: SharedPassphrase, deployer: Deployer, record_property: Record
) -> SequenceComparison:
    """Compares sequences in two empty engines each."""
    return SequenceComparison(tmp_path, passphrase, deployer, record_property)


class TestEngines:
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("first", range(0, _COUNT, _BATCH))
    def test_agree(
        self, first: int, comparison: SequenceComparison, passphrase: SharedPassphrase, tmp_path: Path
    ) -> None:
        sequences = generate_sequences(_COUNT, _SEED)[first : first + _BATCH]
        calm, others = _divide(sequences, tmp_path, passphrase)

        found = comparison.differences(calm, others)

        assert not found, "\n".join(found)

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("first", range(0, _TYPED, _BATCH))
    def test_agree_about_every_type(
        self, first: int, comparison: SequenceComparison, passphrase: SharedPassphrase, tmp_path: Path
    ) -> None:
        sequences = generate_type_sequences(_TYPED, _SEED)[first : first + _BATCH]
        calm, others = _divide(sequences, tmp_path, passphrase)

        found = comparison.differences(calm, others)

        assert not found, "\n".join(found)

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("first", range(0, _FAULTY, _FAULTY_BATCH))
    def test_agree_about_faults(self, first: int, comparison: SequenceComparison) -> None:
        sequences = generate_sequences(_FAULTY, _SEED, faulty=True)[first : first + _FAULTY_BATCH]

        found = comparison.differences([], sequences)

        assert not found, "\n".join(found)

    @pytest.mark.parametrize(
        ("retained", "shape", "name_number"),
        [(False, 2, 1), (True, 2, 2), (False, 1, 1), (True, 1, 1)],
        ids=["again", "renamed and retained", "back", "back and retained"],
    )
    def test_agree_about_a_replacement_that_failed_after_the_delete(
        self, retained: bool, shape: int, name_number: int, comparison: SequenceComparison
    ) -> None:
        """The next run repeats it, under the same or another name, or goes back to what was deleted."""
        options = Options(retain_on_delete=retained)
        first = ResourceSpec("a", "role", "a", name_number=1, shape=1, options=options)
        refusal = ScriptedFault(FaultEffect.REFUSE, operation="create", name="*s0-a*")
        failed = Step((replace(first, shape=2),), refusal)
        last = Step((replace(first, shape=shape, name_number=name_number),))

        assert comparison.differences([], [(Step((first,)), failed, last)]) == []
