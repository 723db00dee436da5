"""Downloads the packages of the documented examples by hash into the cache folder, once: tests need no network.

Wheels come from requirements/examples.txt, for the Python that runs this and the oldest platform of its functions; node
modules from the locks in tests/examples. What cannot be downloaded is said, and its tests are skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "events")]

from semantest_iac.infrastructure.artifacts.requirements.python_requirements import wheel_platforms  # noqa: E402  # as a script

WHEEL_LOCK = ROOT / "requirements" / "examples.txt"
NODE_PROJECTS = ROOT / "tests" / "examples"
FUNCTIONS_LIBRARY = ROOT / "semantest_iac" / "payloads" / "functions_node"  # in every Node package for Azure
PYTHON = sys.version_info[:2]
PNPM = Path("pnpm") / "node_modules" / ".bin" / "pnpm"
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def cache_folder() -> Path:
    """Return the folder that survives a fresh clone, as that of the Pulumi CLI does."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "semantest-iac" / "examples"


def wheel_folder() -> Path:
    """Return the folder of the wheels that the lock names, for this Python."""
    return cache_folder() / f"wheels-{_digest([WHEEL_LOCK])}-{PYTHON[0]}.{PYTHON[1]}"


def node_folder() -> Path:
    """Return the folder of what the examples in JavaScript need: `npm` (its cache), `pnpm` and `pnpm-store`."""
    locks = [*sorted(NODE_PROJECTS.glob("*/*lock*")), FUNCTIONS_LIBRARY / "package-lock.json"]
    return cache_folder() / f"node-{_digest(locks)}"


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def download_wheels(folder: Path) -> str:
    """Download the wheels of the lock; returns why it failed, or nothing."""
    platforms = [part for name in wheel_platforms(PYTHON) for part in ("--platform", name)]
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps")
    target = ("--implementation", "cp", "--python-version", f"{PYTHON[0]}.{PYTHON[1]}", *platforms)
    pip = (sys.executable, "-m", "pip", "download", *options, *target, "--require-hashes")
    return _run([*pip, "--requirement", str(WHEEL_LOCK), "--dest", str(folder)], ROOT)


def download_node_modules(folder: Path) -> str:
    """Fill the caches of npm and pnpm with the modules of every lock; returns why it failed, or nothing."""
    if shutil.which("npm") is None:
        return "npm is not on the PATH"
    for project in (*sorted(path.parent for path in NODE_PROJECTS.glob("*/package-lock.json")), FUNCTIONS_LIBRARY):
        copy = folder / "projects" / project.name
        shutil.copytree(project, copy)
        if reason := _run([*NPM, "--cache", str(folder / "npm")], copy):
            return reason
    (folder / "projects" / "pnpm").rename(folder / "pnpm")
    for lock in sorted(NODE_PROJECTS.glob("*/pnpm-lock.yaml")):
        copy = folder / "projects" / lock.parent.name
        fetch = [str(folder / PNPM), "fetch", "--store-dir", str(folder / "pnpm-store")]
        if reason := _run(fetch, copy):
            return reason
    shutil.rmtree(folder / "projects")
    return ""


def _run(command: Sequence[str], folder: Path) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
    return lines[-1] if ended.returncode else ""


def main() -> int:
    """Download what is not there yet."""
    for what, folder, reason in _download_all():
        print(f"{what}: {folder}" if not reason else f"{what} were not downloaded, their tests are skipped: {reason}")
    return 0


def _download_all() -> Iterator[tuple[str, Path, str]]:
    for what, folder, download in (
        ("wheels of the examples", wheel_folder(), download_wheels),
        ("node modules of the examples", node_folder(), download_node_modules),
    ):
        reason = "" if folder.is_dir() else _download_into(folder, download)
        yield what, folder, reason


def _download_into(folder: Path, download: object) -> str:
    """Download into a draft that becomes the folder once it is complete: another run may look at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        assert callable(download)
        reason = str(download(draft))
        if not reason:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return reason


if __name__ == "__main__":
    sys.exit(main())
