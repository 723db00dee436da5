"""One home with a deployed stack, and ways to damage a file of it."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
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
        """Copy the home, so that this one can be used again."""
        shutil.copytree(self.folder, folder)
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
