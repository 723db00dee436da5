"""Log files of functions, within bounds."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.function_log_files import LONGEST_LOG_LINE, FunctionLogFiles

STACK = "rest-api.aws.development.us-east-1"


def printed(text: str) -> Invocation:
    return Invocation(None, None, text, 1)


def texts(logs: FunctionLogFiles) -> list[str]:
    return [line["text"] for line in next(logs.follow_batches(STACK))]


class TestFunctionLogFiles:
    def test_store_each_line(self, home: Path) -> None:
        logs = FunctionLogFiles(home)
        logs.add(STACK, printed("one\ntwo\n"))
        logs.add(STACK, printed("three"))

        assert texts(logs) == ["one", "two", "three"]

    def test_store_nothing_for_no_output(self, home: Path) -> None:
        FunctionLogFiles(home).add(STACK, printed(""))

        assert not home.exists()

    def test_store_how_a_call_failed(self, home: Path) -> None:
        logs, error = (
            FunctionLogFiles(home),
            {"errorType": "ValueError", "errorMessage": "no", "stackTrace": ["app.py:1"]},
        )
        logs.add(STACK, Invocation(None, error, "before\n", 1))

        assert texts(logs) == ["before", "ValueError: no", "app.py:1"]

    def test_store_an_event_of_several_lines_as_one(self, home: Path) -> None:
        logs = FunctionLogFiles(home)
        logs.add(STACK, Invocation(None, None, "[ERROR] E: m\rTraceback\n", 1, "START\n", "END\n"))

        assert texts(logs) == ["START", "[ERROR] E: m\nTraceback", "END"]

    def test_are_bounded(self, home: Path) -> None:
        logs = FunctionLogFiles(home, max_bytes=2000)
        for number in range(100):
            logs.add(STACK, printed(f"line {number:03} {'x' * 50}"))

        assert sum(path.stat().st_size for path in home.iterdir()) <= 4000
        assert texts(logs)[-1].startswith("line 099")

    def test_continue_after_the_last_batch(self, home: Path) -> None:
        logs = FunctionLogFiles(home, max_bytes=300)
        batches = logs.follow_batches(STACK)
        for text in "abcdefgh":
            logs.add(STACK, printed(text))

            assert [line["text"] for line in next(batches)] == [text]
        assert next(batches) == []

    def test_cut_long_lines(self, home: Path) -> None:
        logs = FunctionLogFiles(home)
        logs.add(STACK, printed("x" * 60_000))

        assert [len(text) for text in texts(logs)] == [LONGEST_LOG_LINE]

    def test_ignore_that_they_cannot_be_written(self, home: Path) -> None:
        home.write_text("a file")
        logs = FunctionLogFiles(home)
        logs.add(STACK, printed("lost"))

        assert texts(logs) == []
