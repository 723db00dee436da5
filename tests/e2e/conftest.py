"""The command as people run it: a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_SLOWEST = 60  # seconds that a command may take before the test gives up


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout; with `--json` the result, or the whole answer."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines before the last."""
        return [json.loads(line) for line in self.out.splitlines()[:-1]]


@dataclass(frozen=True)
class Desk:
    """A folder to work in, with a home beside it that does not exist yet."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Ledger, packages and sandbox."""
        return self.folder / ".semantest"

    def run(self, *arguments: str, stdin: str = "") -> Outcome:
        """Run a command to its end."""
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SLOWEST,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; it is dead when the block is left."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()  # before it is waited for

    def on_terminal(self, *arguments: str, typed: str = "") -> Outcome:
        """Run a command on a terminal of its own, where `typed` lies ready."""
        master, terminal = pty.openpty()
        os.write(master, typed.encode())
        with subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            try:
                out = b"".join(iter(lambda: _read(master), b""))
            except BaseException:
                process.kill()
                raise
        os.close(master)
        return Outcome(process.returncode, out.decode(), "")

    def files(self) -> dict[Path, bytes]:
        """Everything in the folder."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "semantest_iac", *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEMANTEST_")}
        path = os.pathsep.join((str(_ROOT), str(_ROOT / "events")))
        return {**inherited, "PYTHONPATH": path, **self.variables}


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # what Linux says when the other side is closed
        return b""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk for one test."""
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk for all tests of a module."""
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def slow_desk(tmp_path: Path) -> Desk:
    """A desk whose service does not answer for as long as SLOW is configured."""
    source = tmp_path / "service"
    source.mkdir()
    (source / "index.py").write_text(_SLOW_SERVICE, encoding="utf-8")
    (tmp_path / "semantest.yaml").write_text(_SLOW_CONFIGURATION, encoding="utf-8")
    return Desk(tmp_path)


_SLOW_SERVICE = """\
import os, time

def handler(event, context):
    if os.environ.get("SLOW"):
        time.sleep(25)
    return {"statusCode": 200, "body": "quick"}
"""
_SLOW_CONFIGURATION = """\
components:
  rest-api:
    source: service
    handler: index.handler
"""
