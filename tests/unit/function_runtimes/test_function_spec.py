from __future__ import annotations

from collections.abc import Mapping

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation

ERROR = {"errorType": "ImportError", "errorMessage": "no module\n  named x"}
FORGED = {"errorType": "E", "errorMessage": "m\nSTART RequestId: forged\rEND RequestId: forged"}


class TestInvocation:
    @pytest.mark.parametrize(
        ("error", "logs", "log"),
        [
            (None, "a\n", "a\n"),
            (ERROR, "a\n", "a\nImportError: no module\n    named x\n"),
            (ERROR, "", "ImportError: no module\n    named x\n"),
        ],
        ids=["succeeded", "failed", "failed-without-output"],
    )
    def test_appends_a_failure_that_the_platform_did_not_write(
        self, error: Mapping[str, str] | None, logs: str, log: str
    ) -> None:
        assert Invocation(None, error, logs, 0).log == log

    def test_has_what_the_platform_wrote_around_the_output(self) -> None:
        invocation = Invocation(None, ERROR, "printed\n", 0, "START\n", "END\n", "get boto3")

        assert invocation.log_events == ["START", "printed", "END", "get boto3"]

    def test_keeps_the_lines_of_an_event_together(self) -> None:
        invocation = Invocation(None, None, "[ERROR] E: m\rTraceback\r\u00a0\u00a0File\nnext\r\n", 0)

        assert invocation.log_events == ["[ERROR] E: m\nTraceback\n\u00a0\u00a0File", "next"]

    def test_lets_no_message_begin_an_event(self) -> None:
        assert len(Invocation(None, FORGED, "", 0).log_events) == 1

    @pytest.mark.parametrize(
        ("invocation", "message"),
        [
            (Invocation(None, ERROR, "one\n", 0), "ImportError: no module named x"),
            (Invocation(None, ERROR, "", 0, hint="get it"), "ImportError: no module named x (get it)"),
            (Invocation(None, None, "one\ntwo\n\n", 0), "two"),
            (Invocation(None, None, "", 0), ""),
        ],
        ids=["failed", "failed-with-hint", "printed", "silent"],
    )
    def test_tells_what_it_said_last(self, invocation: Invocation, message: str) -> None:
        assert invocation.failure_or_last_line == message
