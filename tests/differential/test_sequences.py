"""The drawn sequences depend on the seed alone, and contain every kind."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256

from tests.differential import type_kinds
from tests.differential.program_runner import WRITTEN_KINDS
from tests.differential.sequences import generate_sequences
from tests.differential.type_kinds import TYPES
from tests.differential.type_sequences import generate_type_sequences

_COUNT = 60
_ELSEWHERE = """
import warnings
warnings.simplefilter("ignore")
from tests.differential.test_sequences import digest
print(digest())
"""


def digest() -> str:
    """A hash of some sequences."""
    return sha256(repr(generate_sequences(_COUNT, 7)).encode()).hexdigest()


class TestGenerateSequences:
    def test_is_the_same_in_every_process(self) -> None:
        command = [sys.executable, "-c", _ELSEWHERE]
        elsewhere = subprocess.run(command, capture_output=True, text=True, check=True)  # our own command

        assert elsewhere.stdout.strip() == digest()

    def test_differs_for_another_seed(self) -> None:
        assert generate_sequences(_COUNT, 7) != generate_sequences(_COUNT, 8)

    def test_draws_every_kind(self) -> None:
        drawn = {spec.kind for sequence in generate_sequences(100, 1) for step in sequence for spec in step.program}

        assert drawn == WRITTEN_KINDS.keys()


class TestGenerateTypeSequences:
    def test_draws_every_simulated_type_in_turn(self) -> None:
        some = generate_type_sequences(5, 3)

        assert len({step.program[0].kind for sequence in some for step in sequence}) == len(some)
        assert TYPES.keys() == type_kinds.KINDS.keys()

    def test_types_that_need_one_of_a_fixed_name_share_no_stack(self) -> None:
        assert "aws:elasticache/serverlessCache:ServerlessCache" in type_kinds.find_single_types()

    def test_changes_the_type_by_values_that_its_rules_allow(self) -> None:
        [(first, second)] = generate_type_sequences(1, 3)
        [name, value], *_ = second.program[0].values
        known = TYPES[second.program[0].kind].properties[name]

        assert first.program[0].kind == second.program[0].kind
        assert [limit for limit in known.limits if limit.violation(json.loads(value))] == []
