"""What is written is complete or an error; drafts of killed processes are removed, those of living ones stay."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.errors import as_storage_error
from semantest_iac.infrastructure.durable_files import (
    DRAFT_PREFIX,
    AppendedFile,
    append_log_lines,
    append_synced_line,
    ensure_private_file,
    make_draft_folder,
    make_private_folder,
    open_draft,
    publish_draft,
    remove_abandoned_drafts,
    replace_file,
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


class TestFolders:
    def test_that_cannot_be_made_are_an_error(self) -> None:
        with pytest.raises(OSError):
            make_private_folder(Path("/proc/no-folders-here/inner"))


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


@contextmanager
def _limit_file_size(size: int) -> Iterator[None]:
    """Let the system take so many bytes of a file: of a write over the limit only the part below it."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


class TestPartialWrites:
    @pytest.mark.parametrize("sync", [True, False])
    def test_of_a_record_leave_nothing_of_it(self, tmp_path: Path, sync: bool) -> None:
        path, file = tmp_path / "journal", AppendedFile(tmp_path / "journal")

        with _limit_file_size(100):
            file.append(b"a" * 60, sync=sync)
            with pytest.raises(OSError, match="too large") as refused:
                file.append(b"b" * 60, sync=sync)
        file.append(b"c" * 60, sync=sync)
        file.close()

        assert path.read_bytes() == b"a" * 60 + b"c" * 60
        assert refused.value.filename == str(path)

    def test_of_a_log_leave_nothing_of_the_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "log"

        with _limit_file_size(100):
            append_log_lines(path, "a" * 60)
            with pytest.raises(OSError, match="too large"):
                append_log_lines(path, "b" * 60)

        assert path.read_text() == "a" * 60

    def test_of_a_line_leave_nothing_of_it(self, tmp_path: Path) -> None:
        path = tmp_path / "events"

        with _limit_file_size(100):
            append_synced_line(path, b"a" * 60)
            with pytest.raises(OSError, match="too large") as refused:
                append_synced_line(path, b"b" * 60)
        append_synced_line(path, b"c" * 60)

        assert path.read_bytes() == b"a" * 60 + b"\n" + b"c" * 60 + b"\n"
        assert refused.value.filename == str(path)

    def test_of_a_file_leave_the_one_before(self, tmp_path: Path) -> None:
        replace_file(tmp_path / "state", "before")

        with _limit_file_size(100), pytest.raises(OSError, match="too large") as refused:
            replace_file(tmp_path / "state", "a" * 101)

        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"state": "before"}
        known = as_storage_error(refused.value)
        assert known is not None
        assert known.message.startswith(f"Cannot use '{tmp_path}")


class TestPermissions:
    def test_are_for_the_owner_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "a" / "b"
        make_private_folder(folder)
        replace_file(folder / "state", "")
        append_log_lines(folder / "log", "")
        AppendedFile(folder / "journal").append(b"", sync=True)

        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
        assert modes == {"a": 0o700, "b": 0o700, "state": 0o600, "log": 0o600, "journal": 0o600}

    def test_are_no_matter_where_a_file_is_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(NotADirectoryError) as refused:
            make_private_folder(tmp_path / "file")

        known = as_storage_error(refused.value)
        assert known is not None
        assert known.message == f"Cannot use '{tmp_path / 'file'}': there is a file where a folder should be."


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
        (tmp_path / f"{DRAFT_PREFIX}0123456789abcdef").write_text("value")

        ensure_private_file(tmp_path / "key", lambda: "other")

        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"key": "value"}


class TestNextCommand:
    @pytest.mark.parametrize("folder", ["", "artifacts", "artifacts/known", "runtime", "sandbox", "modules", "tools"])
    def test_removes_what_a_killed_one_left(self, tmp_path: Path, folder: str) -> None:
        left = tmp_path / folder / f"{DRAFT_PREFIX}0123456789abcdef"
        left.mkdir(parents=True)

        own = left.with_name(f"{DRAFT_PREFIX}of-a-letter")
        own.touch()

        Application(tmp_path).deployments({})

        assert (left.exists(), own.exists()) == (False, True)

    def test_removes_the_marks_and_runs_of_killed_ones(self, tmp_path: Path) -> None:
        mark, run = tmp_path / "serving" / "1", tmp_path / "pulumi" / "runs" / "left"
        for path in (mark, run / "owner"):
            path.parent.mkdir(parents=True)
            path.touch()

        Application(tmp_path).deployments({})

        assert (mark.exists(), run.exists()) == (False, False)
