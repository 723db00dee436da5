"""What tests/conftest.py promises of every test, tried on a suite of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_BINDS = 'socket.socket().bind(("127.0.0.1", 0))'
_TALKS_TO_ITSELF = "asyncio.run(asyncio.sleep(0))"
_REACHES_OUT = 'socket.socket().connect(("192.0.2.1", 9))'
_ASKS_FOR_A_NAME = 'socket.getaddrinfo("name.invalid", 80)'
_SAYS_A_NAME_OF_THIS_MACHINE = 'socket.getaddrinfo("localhost", 80)'


def _outcome(folder: Path, kind: str, statement: str) -> str:
    """The last lines of a run of one test that does `statement` in `tests/<kind>`."""
    test = folder / "tests" / kind / "test_one.py"
    test.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "conftest.py", folder / "tests")
    test.write_text(f"import asyncio, os, socket, pytest\ndef test_one(home):\n    {statement}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        f"--basetemp={folder / 'temporary'}",  # the common folder would be cleaned of what other runs left behind
        "tests",
    ]
    environment = {**os.environ, "SEMANTEST_HOME": "elsewhere"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


class TestNetwork:
    @pytest.mark.parametrize(
        ("kind", "statement"),
        [
            ("unit", _BINDS),
            ("unit", _SAYS_A_NAME_OF_THIS_MACHINE),
            ("integration", _REACHES_OUT),
            ("integration", _ASKS_FOR_A_NAME),
        ],
    )
    def test_is_refused(self, tmp_path: Path, kind: str, statement: str) -> None:
        assert "NetworkRefusedError" in _outcome(tmp_path, kind, statement)

    @pytest.mark.parametrize(
        ("kind", "statement"),
        [
            ("unit", _TALKS_TO_ITSELF),
            ("integration", _BINDS),
            ("integration", _SAYS_A_NAME_OF_THIS_MACHINE),
        ],
    )
    def test_is_granted(self, tmp_path: Path, kind: str, statement: str) -> None:
        assert "1 passed" in _outcome(tmp_path, kind, statement)


class TestEnvironment:
    def test_is_the_tests_own(self, tmp_path: Path) -> None:
        statement = 'assert "SEMANTEST_HOME" not in os.environ and not home.exists()'

        assert "1 passed" in _outcome(tmp_path, "integration", statement)


class TestSkippedTests:
    def test_are_counted_with_their_reasons(self, tmp_path: Path) -> None:
        report = _outcome(tmp_path, "integration", 'pytest.skip("no node here")')

        assert "skipped tests: 1" in report
        assert "   1 no node here" in report
