"""Evaluates flake.nix with Nix, without a network: its inputs are the flakes of this folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[3]
_INPUTS = {
    "nixpkgs": "nixpkgs",
    "pythoneda-domain": "pythoneda_domain",
    "pythoneda-application": "pythoneda_application",
    "pythoneda-iac-events": "pythoneda_iac_events",
}
_READ_BY_THE_FLAKE = (
    "CHANGELOG.md", "docs", "LICENSE", "Makefile", "Pulumi.yaml", "README.md", "events", "flake.nix", "pyproject.toml",
    "requirements", "semantest_iac", "tools",
)  # fmt: skip
_DRAFTS = shutil.ignore_patterns("__pycache__", "*.pyc")


class EvaluationError(Exception):
    """What Nix said against a flake."""


@dataclass(frozen=True)
class Flake:
    """A copy of what flake.nix reads, which tests may change, with a store of its own."""

    folder: Path
    nix: str

    @property
    def file(self) -> Path:
        return self.folder / "source" / "flake.nix"

    def evaluate(self, attribute: str, function: str = "value: value") -> Any:
        """Return a function of an attribute as JSON; raises EvaluationError."""
        source = f"path:{self.file.parent}#{attribute}"
        return json.loads(self._run("eval", "--json", source, "--apply", function))

    def evaluate_everything(self) -> dict[str, Any]:
        """Return the paths of all derivations and apps, by kind, system and name."""
        paths = {
            kind: self.evaluate(kind, "builtins.mapAttrs (_: builtins.mapAttrs (_: each: each.drvPath))")
            for kind in ("packages", "devShells", "checks")
        }
        return paths | {"apps": self.evaluate("apps")}

    def check(self) -> None:
        """Run `nix flake check`, which builds nothing; raises EvaluationError."""
        self._run("flake", "check", "--no-build", f"path:{self.file.parent}")

    def replace(self, old: str, new: str) -> None:
        """Change the text of flake.nix in one place."""
        text = self.file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in flake.nix"
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def _run(self, *arguments: str) -> str:
        inputs = [
            word
            for name, folder in _INPUTS.items()
            for word in ("--override-input", name, f"path:{Path(__file__).parent / folder}")
        ]
        command = [self.nix, "--offline", "--store", str(self.folder / "store"), *arguments, *inputs]
        variables = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "NIX_CONFIG": "experimental-features = nix-command flakes",
        }
        ended = subprocess.run(
            [*command, "--no-write-lock-file"],
            cwd=self.folder, env=variables, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if ended.returncode:
            raise EvaluationError(ended.stderr)
        return ended.stdout


@pytest.fixture(scope="session")
def nix() -> str:
    """The command; skips where it is missing."""
    program = shutil.which("nix")
    if program is None:
        pytest.skip("nix is not on the PATH: Debian's is in nix-bin")
    if sys.platform != "linux":
        pytest.skip("nix has stores below a folder on Linux only")
    return program


@pytest.fixture
def flake(nix: str, tmp_path: Path) -> Flake:
    """The flake with everything that it reads."""
    for name in _READ_BY_THE_FLAKE:
        source, target = _ROOT / name, tmp_path / "source" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=_DRAFTS)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    return Flake(tmp_path, nix)
