"""What one call to a function comes to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation

BROKEN = {"errorType": "ImportError", "errorMessage": "no module\n  named x"}


class TestInvocation:
    @pytest.mark.parametrize(
        ("error", "logs", "words"),
        [
            (None, "a\n", "a\n"),
            (BROKEN, "a\n", "a\nImportError: no module named x\n"),
            (BROKEN, "", "ImportError: no module named x\n"),
        ],
        ids=["well", "broken", "broken-in-silence"],
    )
    def test_ends_its_words_with_its_failure(self, error: Mapping[str, str] | None, logs: str, words: str) -> None:
        assert Invocation(None, error, logs, 0).log_with_failure == words
