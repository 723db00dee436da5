"""Programs that are run to fetch something."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli.installation import move_into_place, run_installer, staging_folder

_LONG = 60.0


class TestRun:
    def test_ends_what_takes_too_long(self, tmp_path: Path) -> None:
        waiting = f"trap 'touch {tmp_path}/asked; exit' TERM; sleep 60 & wait"

        with pytest.raises(RefusedError, match="took longer than"):
            run_installer(["/bin/sh", "-c", waiting], {}, 0.5)

        assert (tmp_path / "asked").exists()

    @pytest.mark.parametrize(
        ("script", "cause"),
        [
            ("exit 3", "ended with 3"),
            ("echo noise; echo no room; exit 1", "^no room$"),
            ("echo error: no room; echo bye; exit 1", "^error: no room$"),
            ("printf '\\033[31mred'; exit 1", "u001b"),
        ],
        ids=["silent", "last line", "complaint", "control characters"],
    )
    def test_tells_the_last_words_of_what_fails(self, script: str, cause: str) -> None:
        with pytest.raises(RefusedError, match=cause):
            run_installer(["/bin/sh", "-c", script], {}, _LONG)

    def test_ends_what_a_program_leaves_behind(self, tmp_path: Path) -> None:
        script = "(sleep 1000; :) >/dev/null 2>&1 & echo $! > $FILE"

        run_installer(["/bin/sh", "-c", script], {"FILE": str(tmp_path / "pid")}, _LONG)

        left = int((tmp_path / "pid").read_text())
        while _lives(left):  # a kill takes a moment to arrive
            time.sleep(0.01)


class TestDraft:
    def test_leaves_what_was_put_in_place_and_nothing_else(self, tmp_path: Path) -> None:
        place = tmp_path / "cache" / "made"
        with staging_folder(place) as folder:
            (folder / "made").mkdir()
            move_into_place(folder / "made", place)

        assert list(place.parent.iterdir()) == [place]

    def test_says_where_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(RefusedError, match="cannot write to"), staging_folder(tmp_path / "file" / "made"):
            pass


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
