"""The transcript of any output is bounded text."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import (
    TRANSCRIPT_HEAD_LIMIT,
    TRANSCRIPT_LINE_LIMIT,
    TRANSCRIPT_TAIL_LIMIT,
    Transcript,
)


class TestTranscript:
    def test_joins_the_pieces_of_a_line(self) -> None:
        lines: list[str] = []
        transcript = Transcript(lines.append)

        for piece in (b"on", b"e\ntw", b"o\n", b"three"):
            transcript.feed(piece)
        transcript.close()

        assert lines == ["one", "two", "three"]

    @pytest.mark.parametrize("odd", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
    def test_replaces_invalid_utf_8(self, odd: bytes) -> None:
        transcript = Transcript()

        transcript.feed(b"before " + odd + b" after\n")

        assert transcript.text.startswith("before ")
        assert transcript.text.endswith(" after")

    def test_cuts_an_endless_line(self) -> None:
        lines: list[str] = []
        transcript = Transcript(lines.append)

        for _ in range(64):
            transcript.feed(b"x" * TRANSCRIPT_LINE_LIMIT)
        transcript.feed(b"\nnext\n")

        assert [len(line) for line in lines] == [TRANSCRIPT_LINE_LIMIT, 4]

    def test_keeps_the_beginning_and_the_end(self) -> None:
        transcript = Transcript()

        for number in range(200_000):
            transcript.feed(f"line {number}\n".encode())

        assert transcript.text.startswith("line 0\n")
        assert transcript.text.endswith("line 199999")
        assert len(transcript.text) < TRANSCRIPT_HEAD_LIMIT + TRANSCRIPT_TAIL_LIMIT + 100

    def test_continues_when_the_listener_raises(self) -> None:
        def fail(line: str) -> None:
            raise ValueError(line)

        transcript = Transcript(fail)
        transcript.feed(b"one\ntwo\n")

        assert str(transcript.listener_error) == "one"
        assert transcript.text == "one\ntwo"
