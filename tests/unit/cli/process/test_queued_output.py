"""Output that is written in a thread of its own."""

from __future__ import annotations

from threading import Event
from typing import Any

from semantest_iac.presentation.cli.process.queued_output import QueuedOutput


def test_is_written_in_order_and_its_failure_is_known() -> None:
    written: list[Any] = []

    def write(stream: str, content: str | bytes) -> str:
        written.append((stream, content))
        return "no space left" if stream == "full" else ""

    output = QueuedOutput(write)
    for number in range(100):
        output.write(("full", "good")[number % 2], str(number))

    assert output.close()
    assert written == [(("full", "good")[number % 2], str(number)) for number in range(100)]
    assert (output.find_reason("full"), output.find_reason("good")) == ("no space left", "")


def test_waits_for_no_reader_until_it_is_closed() -> None:
    is_read, written = Event(), list[str | bytes]()

    def write(stream: str, content: str | bytes) -> str:
        is_read.wait()
        written.append(content)
        return ""

    output = QueuedOutput(write)
    for number in range(10):
        output.write("stdout", str(number))
    before, is_behind = list(written), output.is_behind
    is_read.set()

    assert output.close()
    assert (before, is_behind, len(written)) == ([], True, 10)
