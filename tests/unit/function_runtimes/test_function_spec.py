from __future__ import annotations

from collections.abc import Mapping

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation

ERROR = {"errorType": "ImportError", "errorMessage": "no module\n  named x"}


class TestInvocation:
    @pytest.mark.parametrize(
        ("error", "logs", "log"),
        [
            (None, "a\n", "a\n"),
            (ERROR, "a\n", "a\nImportError: no module named x\n"),
            (ERROR, "", "ImportError: no module named x\n"),
        ],
        ids=["succeeded", "failed", "failed-without-output"],
    )
    def test_appends_the_failure_to_the_log(self, error: Mapping[str, str] | None, logs: str, log: str) -> None:
        assert Invocation(None, error, logs, 0).log_with_failure == log
