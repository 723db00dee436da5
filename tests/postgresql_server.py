"""Starts a real PostgreSQL for the tests, on a socket in a folder of its own; its binaries come from the PATH."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.frozen_processes import freeze_processes

MISSING_REASON = "PostgreSQL's initdb and postgres are not on the PATH"
_LIMIT_S = 60.0
_USER = "semantest"


def find_postgresql() -> Mapping[str, str] | None:
    """Return the paths of `initdb` and `postgres`, or None: PostgreSQL is not on this machine."""
    found = {name: shutil.which(name) for name in ("initdb", "postgres")}
    return None if None in found.values() else {name: str(path) for name, path in found.items()}


class PostgresqlServer:
    """A server that can be killed and started again; its data stays."""

    def __init__(self, folder: Path, programs: Mapping[str, str]) -> None:
        self.url = f"host={folder} user={_USER} dbname=postgres"
        self._folder = folder
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [
            "-D",
            self._folder / "data",
            "-c",
            "listen_addresses=",
            "-c",
            f"unix_socket_directories={self._folder}",
        ]
        deadline = time.monotonic() + _LIMIT_S
        while not self._answers():
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            if self._process is None or self._process.poll() is not None:  # children of a killed one may still end
                self._process = self._spawn(self._programs["postgres"], *options)
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT disconnects everybody, SIGQUIT is a crash, SIGKILL leaves its children alone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_LIMIT_S)
            self._process = None

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Stop all processes of the server for the block; connections stay open, and nothing is answered."""
        assert self._process is not None
        own = [process.parent.name for process in Path("/proc").glob("[0-9]*/stat") if self._is_own(process)]
        with freeze_processes(map(int, own)):
            yield

    def _is_own(self, stat: Path) -> bool:
        assert self._process is not None
        try:
            parent = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # it has ended meanwhile
            return False
        return str(self._process.pid) in (parent, stat.parent.name)

    def create_data(self) -> None:
        """Create an empty database."""
        options = ["-D", self._folder / "data", "-U", _USER, "--auth=trust", "--no-sync", "--no-instructions"]
        assert self._spawn(self._programs["initdb"], *options).wait(_LIMIT_S) == 0

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def _spawn(self, *command: Any) -> subprocess.Popen[bytes]:
        """Run as another user where this one is root, as PostgreSQL refuses to serve root."""
        user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen([*map(str, command)], stdout=log, stderr=log, cwd=self._folder, **user)


@contextmanager
def run_postgresql(programs: Mapping[str, str]) -> Iterator[PostgresqlServer]:
    """Serve an empty database for the block."""
    with tempfile.TemporaryDirectory(prefix="semantest-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)  # short: the path of a socket has at most 107 bytes
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        server = PostgresqlServer(folder, programs)
        server.create_data()
        server.start()
        try:
            yield server
        finally:
            server.stop()
