"""The drawn sequences depend on the seed alone, and contain every kind."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

from tests.differential.program_runner import KINDS
from tests.differential.sequences import generate_sequences

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

        assert drawn == KINDS.keys()
