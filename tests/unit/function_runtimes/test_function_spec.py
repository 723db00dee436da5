from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import (
    Invocation,
    find_trace_root,
    make_trace_id,
    make_trace_parent,
    make_trace_root,
)

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


class TestTraceIds:
    def test_of_aws_keep_the_root_of_the_request(self) -> None:
        """Source: trace headers of REST APIs that aws-lambda-dotnet recorded in April 2025."""
        root = make_trace_root()

        assert re.fullmatch(rf"{root};Parent=[0-9a-f]{{16}};Sampled=0;Lineage=1:[0-9a-f]{{8}}:0", make_trace_id(root))
        assert find_trace_root(["x", f"Self=1-2; {root};Sampled=1"]) == root
        assert find_trace_root(["Root=1-2"]) == ""

    @pytest.mark.parametrize("received", ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "4bf92f3577b34da6"])
    def test_of_azure_are_new_without_one_of_the_client(self, received: str) -> None:
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", made := make_trace_parent(received))
        assert made != make_trace_parent(received)

    def test_of_azure_continue_the_trace_of_the_client(self) -> None:
        received = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

        made = make_trace_parent(received)
        assert (made[:36], made[52:], made != received) == (received[:36], "-01", True)
