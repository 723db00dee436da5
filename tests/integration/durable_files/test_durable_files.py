"""Drafts of killed processes are removed, and those of living ones stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.infrastructure.durable_files import (
    DRAFT_PREFIX,
    ensure_private_file,
    make_draft_folder,
    open_draft,
    publish_draft,
    remove_abandoned_drafts,
)

_HOLD = """
import sys, time
from pathlib import Path
from semantest_iac.infrastructure import durable_files as drafts
with getattr(drafts, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def _hold_draft(kind: str, folder: Path) -> subprocess.Popen[str]:
    """Return a process that holds a draft of this kind."""
    command = [sys.executable, "-c", _HOLD, kind, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _drafts(folder: Path) -> list[Path]:
    return list(folder.glob(f"{DRAFT_PREFIX}*"))


@pytest.mark.parametrize("kind", ["open_draft", "make_draft_folder"])
class TestDraftsOfOtherProcesses:
    def test_are_removed_once_the_process_was_killed(self, tmp_path: Path, kind: str) -> None:
        with _hold_draft(kind, tmp_path) as process:
            remove_abandoned_drafts(tmp_path)
            held = len(_drafts(tmp_path))
            process.send_signal(signal.SIGKILL)
        with open_draft(tmp_path):
            own = len(_drafts(tmp_path))

        assert (held, own, _drafts(tmp_path)) == (1, 1, [])

    def test_stay_while_others_are_made(self, tmp_path: Path, kind: str) -> None:
        with _hold_draft(kind, tmp_path) as process, make_draft_folder(tmp_path):
            assert len(_drafts(tmp_path)) == 2
            process.kill()


class TestPublishing:
    def test_replaces_the_file_as_a_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "file"
        target.write_bytes(b"before")

        with open_draft(tmp_path) as (file, draft):
            file.write(b"after")
            assert target.read_bytes() == b"before"
            publish_draft(file, draft, target)

        assert (target.read_bytes(), [*tmp_path.iterdir()]) == (b"after", [target])

    def test_is_left_out_after_a_failure(self, tmp_path: Path) -> None:
        with pytest.raises(LookupError), open_draft(tmp_path):
            raise LookupError

        assert [*tmp_path.iterdir()] == []


class TestEnsurePrivateFile:
    def test_gives_all_the_same_content(self, tmp_path: Path) -> None:
        numbers = count()
        ensure = partial(ensure_private_file, tmp_path / "key", lambda: str(next(numbers)))

        with ThreadPoolExecutor(8) as pool:
            contents = {pool.submit(lambda: ensure().read_text()).result() for _ in range(40)}

        assert len(contents) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["key"]
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600

    def test_removes_what_a_killed_process_left(self, tmp_path: Path) -> None:
        ensure_private_file(tmp_path / "key", lambda: "value")
        (tmp_path / f"{DRAFT_PREFIX}left").write_text("value")

        ensure_private_file(tmp_path / "key", lambda: "other")

        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"key": "value"}


class TestNextCommand:
    @pytest.mark.parametrize("folder", ["artifacts", "artifacts/known", "runtime", "sandbox", "tmp"])
    def test_removes_what_a_killed_one_left(self, tmp_path: Path, folder: str) -> None:
        left = tmp_path / folder / f"{DRAFT_PREFIX}left"
        left.mkdir(parents=True)

        Application(tmp_path).deployments({})

        assert not left.exists()
