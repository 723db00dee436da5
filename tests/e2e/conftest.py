"""Runs the command line as a separate process in a temporary folder."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.forked_commands import can_fork, run_forked

_ROOT = Path(__file__).parents[2]
_COMMAND_TIMEOUT_S = 150


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout, which is the result with `--json`."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the lines before the last."""
        return [json.loads(line) for line in self.out.splitlines()[:-1]]


@dataclass(frozen=True)
class Workspace:
    """A working directory for commands; its home folder does not exist yet."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = _COMMAND_TIMEOUT_S

    @property
    def home(self) -> Path:
        return self.folder / ".semantest"

    def run(self, *arguments: str, stdin: str = "") -> Outcome:
        """Run a command and wait for its end."""
        if can_fork(self.variables):
            ended = run_forked(arguments, self.folder, self._environment(), stdin, self.timeout_s)
        else:
            ended = subprocess.run(
                self._command(arguments),
                cwd=self.folder,
                env=self._environment(),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=self.timeout_s,
                check=False,
            )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command in the background; it is killed at the end of the context."""
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
                process.kill()  # leaving `with process` waits for its end

    def run_on_terminal(self, *arguments: str, typed: str = "") -> Outcome:
        """Run a command on a pseudo-terminal, with `typed` as its input."""
        with self._start_on_terminal(arguments, typed) as (process, master):
            out = b"".join(iter(lambda: _read(master), b""))
        return Outcome(process.returncode, out.decode(), "")

    def run_in_dialog(self, *arguments: str, answers: Sequence[tuple[str, str]]) -> Outcome:
        """Run a command on a pseudo-terminal, and type each answer once its question stands there."""
        with self._start_on_terminal(arguments) as (process, master):
            out = b""
            for question, answer in answers:
                while question.encode() not in out:
                    out += _read(master) or b"\0the program has ended"
                    assert b"\0" not in out, out
                os.write(master, f"{answer}\n".encode())
            out += b"".join(iter(lambda: _read(master), b""))
        return Outcome(process.returncode, out.decode(), "")

    @contextmanager
    def _start_on_terminal(
        self, arguments: tuple[str, ...], typed: str = ""
    ) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """Yield a command and the other side of its pseudo-terminal; wait for its end, which a failure brings about."""
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
                yield process, master
            except BaseException:
                process.kill()
                raise
        os.close(master)

    def files(self) -> dict[Path, bytes]:
        """Return every file in the folder with its content."""
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
    except OSError:  # Linux raises it when the other end is closed
        return b""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture(scope="module")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def shared_workspace_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Workspace]:
    """Makes a workspace for each name, which all tests of the module share."""
    return lambda name: Workspace(tmp_path_factory.mktemp(name))


@pytest.fixture
def slow_workspace(tmp_path: Path) -> Workspace:
    """A workspace whose service takes 25 s to answer if SLOW is configured."""
    source = tmp_path / "service"
    source.mkdir()
    (source / "index.py").write_text(_SLOW_SERVICE, encoding="utf-8")
    (tmp_path / "semantest.yaml").write_text(_SLOW_CONFIGURATION, encoding="utf-8")
    return Workspace(tmp_path)


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
