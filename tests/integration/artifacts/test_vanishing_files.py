"""A file that vanishes while a source is packaged is named, at whichever point it vanishes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from tests.integration.artifacts.vanishing import Vanishing

WriteFiles = Callable[[Path, dict[str, str]], None]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are looked up in /proc")
VANISHING = Vanishing()
STORE = "node_modules/.pnpm/kept@1/node_modules/kept"
PROJECT = '[project]\nname = "shared"\nversion = "1"\n'
PYTHON = {"app.py": "def handler(event, context): ...\n", "lib/x.py": "", "certs/ca.pem": "CERTIFICATE"}
LOCAL = {"requirements.txt": "./libs/shared\n", "libs/shared/pyproject.toml": PROJECT, "libs/shared/shared.py": ""}
NODE = {"server.js": "", "package.json": '{"dependencies": {"kept": "1"}}', "lib/a.js": ""}
MODULE = {"node_modules/kept/index.js": "", "node_modules/kept/package.json": "{}"}
LINKED = {f"{STORE}/index.js": "", f"{STORE}/package.json": "{}"}
CASES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "python": (PYTHON, {"handler": "app.handler", "runtime": "python3.13"}),
    "python built": (PYTHON, {"handler": "app.handler", "runtime": "python3.13", "build": ("true",)}),
    "local project": ({**PYTHON, **LOCAL}, {"handler": "app.handler", "runtime": "python3.13"}),
    "node": ({**NODE, **MODULE}, {"entry": "server.js", "runtime": "nodejs22.x"}),
    "node built": ({**NODE, **MODULE}, {"entry": "server.js", "runtime": "nodejs22.x", "build": ("true",)}),
    "linked modules": ({**NODE, **LINKED}, {"entry": "server.js", "runtime": "nodejs22.x"}),
}


def find_problem(source: Path, removed: Path, error: BaseException) -> str:
    """Return what is wrong with the error of a packaging that lost a file; empty if it names it and says what to do."""
    if not isinstance(error, ArtifactError):
        return f"{type(error).__name__} for {removed}: {error}"
    lost, named = source / removed, [Path(path) for path in re.findall(r"'(.+?)'", error.message)]
    named += [source / fault.path for fault in error.faults]
    is_named = any(path.is_relative_to(lost) or (lost.is_relative_to(path) and path != source) for path in named)
    return "" if is_named and error.hint else f"{error} does not name {removed}"


def find_packaging_problem(builder: PackageBuilder, source: FunctionSource, point: int) -> str | None:
    """Package a source that loses a file; a package must be that of the files that remain. None if none was lost."""
    assert source.folder is not None
    try:
        with VANISHING.at(source.folder, point):
            artifact = builder.build(source)
    except Exception as error:  # any other than ArtifactError is what the test is about
        return find_problem(source.folder, VANISHING.removed or Path(), error)
    if VANISHING.removed is None:
        return None
    is_whole = builder.build(source).digest == artifact.digest
    return "" if is_whole else f"packaged in part without {VANISHING.removed}"


def collect_wheels(runner: ProgramRunner, command: Sequence[str], *_: object) -> None:
    """Stands for pip: installs nothing into the folder that it is given."""
    if "--target" in command:
        Path(command[command.index("--target") + 1]).mkdir(exist_ok=True)


class TestVanishingFiles:
    @pytest.mark.parametrize("case", CASES)
    def test_are_named_at_every_point(
        self, tmp_path: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, case: str
    ) -> None:
        monkeypatch.setattr(ProgramRunner, "install", collect_wheels)
        files, options = CASES[case]
        problems = []
        for point in count(1):
            source = tmp_path / str(point)
            write_files(source, files)
            if case == "linked modules":
                (source / "node_modules/kept").symlink_to(STORE.removeprefix("node_modules/"))
            builder = PackageBuilder(tmp_path / "home")
            problem = find_packaging_problem(builder, FunctionSource(source, **options), point)
            if problem is None:
                break
            problems.append(problem)
            shutil.rmtree(source)

        assert point > len(files)
        assert [*filter(None, problems)] == []

    @pytest.mark.parametrize(
        "error",
        [
            FileNotFoundError(2, "No such file", "lib/x.py"),
            ArtifactError("Cannot package source '/s/app.py': it changed.", hint="Again."),
            ArtifactError("Cannot package source '/s': it changed.", hint="Again."),
            ArtifactError("Cannot package source '/s/lib/x.py': it changed."),
        ],
        ids=["unnamed", "another file", "the whole source", "no hint"],
    )
    def test_that_are_not_named_are_found_by_the_check(self, error: BaseException) -> None:
        assert find_problem(Path("/s"), Path("lib/x.py"), error)


class TestUnreadableFiles:
    def test_are_named_where_they_are_no_json(self, tmp_path: Path, write_files: WriteFiles) -> None:
        write_files(tmp_path / "source", {"server.js": "", "package.json": json.dumps([])})

        with pytest.raises(ArtifactError, match=r"/source/package.json': it is not a JSON object"):
            PackageBuilder(tmp_path).build(FunctionSource(tmp_path / "source", entry="server.js", runtime="nodejs22.x"))
