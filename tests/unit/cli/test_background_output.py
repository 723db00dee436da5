"""Output that never waits for its reader, on a real pipe."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

from semantest_iac.presentation.background_output import open_background_output
from semantest_iac.presentation.cli.terminal import Terminal

SECONDS = 5
LINE = "x" * 99 + "\n"


class TestPipe:
    def test_that_nobody_reads_blocks_nothing_and_is_counted(self) -> None:
        reader, writer = os.pipe()
        err = io.StringIO()
        with os.fdopen(writer, "w") as out:
            terminal = Terminal(out, err)
            began = time.monotonic()
            with terminal.print_in_background():
                for _ in range(5_000):
                    terminal.print_lines("x" * 99)
            seconds = time.monotonic() - began
            os.close(reader)

        dropped = int(err.getvalue().split()[0].replace(",", ""))
        assert seconds < SECONDS
        assert 5_000 - (64 + 256 + 4) * 1024 // 100 <= dropped < 5_000
        assert err.getvalue().endswith("lines of output were left out: nobody read them in time.\n")

    def test_that_is_read_receives_everything_in_order(self) -> None:
        reader, writer = os.pipe()
        with os.fdopen(writer, "w") as out, os.fdopen(reader) as received:
            with open_background_output(out, print, print) as background:
                for number in range(100):
                    background.write(f"{number}\n")
            out.close()

            assert received.read().splitlines() == [*map(str, range(100))]

    def test_that_is_read_late_goes_on_after_what_was_left_out(self) -> None:
        reader, writer = os.pipe()
        dropped: list[int] = []
        with (
            os.fdopen(writer, "w") as out,
            os.fdopen(reader, "rb", buffering=0) as received,
            open_background_output(out, dropped.append, print, longest_queue=len(LINE) * 10) as background,
        ):
            for _ in range(2000):
                background.write(LINE)
            os.set_blocking(reader, False)
            taken, deadline = b"", time.monotonic() + SECONDS
            while b"last\n" not in taken and time.monotonic() < deadline:
                background.write("last\n")
                time.sleep(0.01)
                taken += received.read(65536) or b""

        assert dropped[0] > 0
        assert taken.partition(b"last\n")[0].replace(LINE.encode(), b"") == b""

    def test_that_is_closed_or_full_ends_nothing(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as out, Path("/dev/full").open("w") as full:
            failures: list[str] = []
            for stream in (out, full):
                with open_background_output(stream, print, failures.append) as background:
                    background.write(LINE)

        assert failures == ["no space left on device"]
