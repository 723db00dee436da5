"""What is drawn: the same for a seed, wherever and beside whatever, and nothing is left out."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

from tests.differential.playing import KINDS
from tests.differential.sequences import generated

_COUNT = 60
_ELSEWHERE = """
import warnings
warnings.simplefilter("ignore")
from tests.differential.test_sequences import digest
print(digest())
"""


def digest() -> str:
    """A few sequences, in short."""
    return sha256(repr(generated(_COUNT, 7)).encode()).hexdigest()


class TestGenerated:
    def test_is_the_same_in_every_process(self) -> None:
        command = [sys.executable, "-c", _ELSEWHERE]
        elsewhere = subprocess.run(command, capture_output=True, text=True, check=True)  # our own

        assert elsewhere.stdout.strip() == digest()

    def test_is_another_for_another_seed(self) -> None:
        assert generated(_COUNT, 7) != generated(_COUNT, 8)

    def test_leaves_no_kind_out(self) -> None:
        drawn = {piece.kind for sequence in generated(300, 1) for step in sequence for piece in step.program}

        assert drawn == KINDS.keys()
