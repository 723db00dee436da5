"""Writes requirements/nix.txt: one line with the hash of its wheel for each package that flake.nix takes from a lock.

requirements/test.txt holds the hash of every file of a release, which does not say which file each belongs to, and Nix
fetches one file by its hash. pip is asked which one it would install; only wheels for every platform are accepted.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "test.txt"
WHEELS = ROOT / "requirements" / "nix.txt"
PACKAGES = ("fast-depends", "faststream", "import-linter", "pulumi", "pulumi-aws", "pulumi-azure-native")
"""What the pinned nixpkgs does not have, or in a version older than pyproject.toml asks for."""
FOR_EVERY_PLATFORM = "-py3-none-any.whl"


def locked_lines(lock: str, package: str) -> str:
    """Return the line of a package in a requirement file with those of its hashes."""
    found = re.search(rf"^{re.escape(package)}==.*\n(?: .*\n)+", lock, re.MULTILINE)
    if found is None:
        raise SystemExit(f"requirements/test.txt holds no {package}: mend PACKAGES in tools/lock_wheels.py")
    return found.group()


def ask_pip(requirements: str) -> list[dict[str, Any]]:
    """Return what pip would install for lines with hashes, and from which file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wheels.txt"
        file.write_text(requirements, encoding="utf-8")
        report = Path(folder) / "report.json"
        options = "--quiet --no-input --dry-run --ignore-installed --no-deps --only-binary :all: --require-hashes"
        command = [sys.executable, "-m", "pip", "install", *options.split(), "--report", str(report), "-r", str(file)]
        subprocess.run(command, check=True)
        installed: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return installed


def format_wheel(installed: dict[str, Any]) -> str:
    """Return the line of one package; raises SystemExit where its wheel is for one platform only."""
    metadata, download = installed["metadata"], installed["download_info"]
    if not download["url"].endswith(FOR_EVERY_PLATFORM):
        raise SystemExit(f"{metadata['name']} has no wheel for every platform: flake.nix cannot take it from the lock")
    name = metadata["name"].replace("_", "-")
    return f"{name}=={metadata['version']} --hash=sha256:{download['archive_info']['hashes']['sha256']}\n"


def main() -> None:
    """Write the file anew."""
    lock = LOCK.read_text(encoding="utf-8")
    installed = ask_pip("".join(locked_lines(lock, package) for package in PACKAGES))
    WHEELS.write_text("".join(sorted(map(format_wheel, installed))), encoding="utf-8")


if __name__ == "__main__":
    main()
