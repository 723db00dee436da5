"""One home with a deployed stack, and ways to damage a file of it."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from semantest_iac.bootstrap.application import Application
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.campaigns.interrupted_home import REGIONS
from tests.fakes.control_points import ControlPoints
from tests.fakes.screen import Screen
from tests.fakes.service_probe import FakeServiceProbe

_CAPABILITY_VERSION_3 = 0x20080522
_RIGHTS_TO_ALL_FILES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class Answer(NamedTuple):
    """The exit code of a command, the last line that it printed as JSON, and everything it printed."""

    code: int
    value: Any
    text: str

    @property
    def error(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.value.get("error") or {} if isinstance(self.value, dict) else {}
        return found


class DamagedHome:
    """A home and the commands that are run on it, with a service that is healthy."""

    def __init__(self, folder: Path, cloud: str, component: str) -> None:
        self.folder = folder
        self._cloud = cloud
        self._component = component

    @property
    def stack(self) -> str:
        return f"{self._component}.{self._cloud}.development.{REGIONS[self._cloud]}"

    @property
    def state_file(self) -> Path:
        return self.folder / "sandbox" / f"{self.stack}.json"

    def copy_to(self, folder: Path) -> DamagedHome:
        """Copy the home, so that this one can be used again; all that SQLite holds is in its main files."""
        shutil.copytree(self.folder, folder)
        for path in folder.glob("*.db"):
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("pragma wal_checkpoint(truncate)")
        return DamagedHome(folder, self._cloud, self._component)

    def run(self, *arguments: str) -> Answer:
        """Run a command as a process of its own would: no file stays open."""
        out = Screen()
        words = [*arguments, "--home", str(self.folder), "--json"]
        code = run_cli(words, _application_with_fake_service, Terminal(out, Screen()))
        open_inventory.cache_clear()
        lines = out.text.splitlines()
        return Answer(code, json.loads(lines[-1]) if lines else None, out.text)

    def deploy(self) -> Answer:
        return self.run("deploy", "--component", self._component, "--provider", self._cloud)

    def find_broken_parts(self) -> dict[str, dict[str, str]]:
        """Return what `doctor` and `repair` find: each part that is not usable."""
        parts = self.run("repair", "--dry-run").value["home"]
        return {part["part"]: part for part in parts if part["condition"] not in ("intact", "absent")}


def _application_with_fake_service(home: Path) -> Application:
    return Application(home, probe=FakeServiceProbe(ControlPoints()))


def _truncate(path: Path, dice: random.Random) -> None:
    size = path.stat().st_size
    os.truncate(path, dice.randrange(size // 4, max(size // 4 + 1, size - 1)))


def _empty(path: Path, dice: random.Random) -> None:
    os.truncate(path, 0)


def _flip_byte(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def _remove(path: Path, dice: random.Random) -> None:
    path.unlink()


def _make_folder(path: Path, dice: random.Random) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: Mapping[str, Callable[[Path, random.Random], None]] = {
    "truncated": _truncate,
    "emptied": _empty,
    "one byte flipped": _flip_byte,
    "removed": _remove,
    "made a folder": _make_folder,
}


def count_unknown_resources(home: DamagedHome) -> int:
    """Count the resources in the simulated cloud that the state of the stack does not know."""
    with closing(sqlite3.connect(home.folder / "cloud.db")) as connection:
        found = set(connection.execute("select type, id from resources"))
    resources = json.loads(home.state_file.read_text())["deployment"].get("resources", [])
    return len(found - {(state["type"], state.get("id", "")) for state in resources})


@contextmanager
def run_without_rights() -> Iterator[None]:
    """Take from this thread the right of root to open every file, for the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    before = (ctypes.c_uint32 * 6)()
    libc.capget(header, before)
    reduced = (ctypes.c_uint32 * 6)(*before)
    reduced[0] &= ~_RIGHTS_TO_ALL_FILES
    if os.geteuid() == 0 and libc.capset(header, reduced) != 0:
        raise OSError(ctypes.get_errno(), "cannot give up rights")
    try:
        yield
    finally:
        libc.capset(header, before)
