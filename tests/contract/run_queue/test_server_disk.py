"""A PostgreSQL whose own disk is full: a request is refused as a whole, and what was accepted is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.full_disk_runner import find_mount_refusal
from tests.postgresql_server import MISSING_REASON, find_postgresql

_ROOT = Path(__file__).parents[3]


@pytest.fixture
def disk() -> Iterator[Path]:
    """An empty folder in which another user may work: PostgreSQL does not serve root."""
    with tempfile.TemporaryDirectory(prefix="semantest-disk-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_refuses_a_request_as_a_whole(tmp_path: Path, disk: Path) -> None:
    if find_postgresql() is None:
        pytest.skip(MISSING_REASON)
    if refusal := find_mount_refusal():
        pytest.skip(refusal)
    command = [sys.executable, "-m", "tests.contract.run_queue.full_server_runner", str(tmp_path / "home"), str(disk)]

    ended = subprocess.run(["unshare", "-m", *command], cwd=_ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    full, after = map(json.loads, ended.stdout.splitlines())
    assert set(full["refused"].values()) == {"LEDGER_FULL"}
    assert (len(full["accepted"]) > 1, len(full["refused"])) == (True, 5)
    for found in (full, after):
        assert found["recorded"] == found["accepted"]
        assert sorted(found["queued"]) == sorted(found["accepted"])
        assert (found["faults"], found["events"] >= len(found["accepted"])) == ([], True)
    assert after["accepted"] == [*full["accepted"], "last.aws.development.us-east-1"]
