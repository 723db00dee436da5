"""Reports which dependencies a source lacks and installs them outside the source."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from semantest_iac.domain.errors import ArtifactError

INSTALL_TIMEOUT_S = 600
# What installers need; install scripts of third parties must not see cloud credentials.
INHERITED_VARIABLES = re.compile(
    r"(?i)PATH|HOME|USER|LANG|LC_.*|TMPDIR|TEMP|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|NPM_CONFIG_.*|NPM_TOKEN|PIP_.*|SYSTEMROOT"
)
CREDENTIALS_IN_URL = re.compile(r"://[^/@\s]+@")
NPM_DETAIL_LINE = re.compile(r"npm (error|ERR!) (code|path|errno|syscall|A complete log)")
NPM_COMMAND = ("npm", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
FUNCTIONS_LIBRARY = "@azure/functions for the Node package"
FUNCTIONS_LIBRARY_HINT = (
    "npm downloads it once per machine and caches it: deploy once with access to its registry, or name a mirror with "
    "`npm config set registry`. A ready zip and Python sources need no npm."
)
PIP_ARGUMENTS = (
    "-m", "pip", "install", "--only-binary=:all:", "--no-compile", "--disable-pip-version-check",
    "--no-input", "--quiet", "--implementation", "cp",
)  # fmt: skip
# glibc of Lambda's python3.11, and of later runtimes
WHEEL_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64")
FIRST_PYTHON_ON_NEWER_GLIBC = (3, 12)
NPM_LOCK_FILES = ("node_modules/.package-lock.json", "package-lock.json", "npm-shrinkwrap.json")


def install_node_modules(folder: Path) -> None:
    """Run npm for production dependencies in a copy of the source; raises ArtifactError with npm's reason."""
    _require_npm("node modules", "Install Node.js with npm, or run `npm ci` in the source yourself.")
    locked = any((folder / name).exists() for name in ("package-lock.json", "npm-shrinkwrap.json"))
    command = [*NPM_COMMAND, "ci" if locked else "install", "--omit=dev", "--ignore-scripts=false"]
    _run_installer(command, folder, "node modules", "Check package.json, the lock file and the registry's address.")


def install_functions_library(folder: Path) -> None:
    """Run npm for the locked modules that Azure Functions needs; npm's cache serves later runs without a network."""
    _require_npm(FUNCTIONS_LIBRARY, "Install Node.js with npm; a ready zip and Python sources need none.")
    command = [*NPM_COMMAND, "ci", "--omit=dev", "--ignore-scripts", "--prefer-offline"]
    _run_installer(command, folder, FUNCTIONS_LIBRARY, FUNCTIONS_LIBRARY_HINT)


def _require_npm(dependencies: str, hint: str) -> None:
    if shutil.which("npm") is None:
        raise ArtifactError(f"Cannot install {dependencies}: npm is not on the PATH.", hint=hint)


def install_requirements(requirements: Path, target: Path, version: tuple[int, int]) -> None:
    """Run pip for Linux wheels of one Python version; raises ArtifactError with pip's reason."""
    has_newer_glibc = version >= FIRST_PYTHON_ON_NEWER_GLIBC
    platforms = [part for name in WHEEL_PLATFORMS[: 1 + has_newer_glibc] for part in ("--platform", name)]
    target_options = ["--python-version", "{}.{}".format(*version), "--target", str(target)]
    command = [sys.executable, *PIP_ARGUMENTS, *platforms, *target_options, "--requirement", requirements.name]
    hint = "Only wheels for Linux x86_64 are installed; check requirements.txt and the index's address."
    _run_installer(command, requirements.parent, "requirements", hint)
    _remove_console_scripts(target)


def _remove_console_scripts(target: Path) -> None:
    """Remove console scripts: they name this machine's interpreter, and no function calls them."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith("../../bin/")))


def _run_installer(command: Sequence[str], folder: Path, dependencies: str, hint: str) -> None:
    with subprocess.Popen(  # noqa: S603  # fixed words and paths, no shell
        command, cwd=folder, env=_installer_environment(os.environ), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output = process.communicate(timeout=INSTALL_TIMEOUT_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            output = f"error: not finished after {INSTALL_TIMEOUT_S} s"
        finally:
            _kill_process_group(process)
    if process.returncode:
        raise ArtifactError(f"Cannot install {dependencies}: {_failure_reason(output)}.", hint=hint)


def _kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the installer and the scripts that it started, also after Ctrl-C."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _installer_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if INHERITED_VARIABLES.fullmatch(name)}


def _failure_reason(output: str) -> str:
    """Return the first error line that says more than npm's code and path lines."""
    lines = [line.strip() for line in CREDENTIALS_IN_URL.sub("://", output).splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)(npm )?err", line)]
    informative = [line for line in errors if not NPM_DETAIL_LINE.match(line)]
    chosen = (informative or errors or lines or ["it gave no reason"])[0]
    return re.sub(r"^(?i:npm error|npm ERR!|ERROR:|error:)\s*", "", chosen).rstrip(".")[:300]


def find_dev_module_folders(folder: Path) -> frozenset[str]:
    """Return the folders that the lock marks `dev`; `devOptional` ones stay, as in `npm ci --omit=dev`."""
    packages = next(filter(None, (_locked_packages(folder / lock) for lock in NPM_LOCK_FILES)), {})
    return frozenset(path for path, facts in packages.items() if path and facts.get("dev") is True)


def needs_npm_install(folder: Path) -> bool:
    """Return whether the project names dependencies and has no `node_modules`."""
    if (folder / "node_modules").exists() or not (folder / "package.json").is_file():
        return False
    try:
        project = json.loads((folder / "package.json").read_bytes())
        return bool(project.get("dependencies") or project.get("optionalDependencies"))
    except (OSError, ValueError, AttributeError) as error:
        raise ArtifactError("Cannot read source 'package.json': it is not a JSON object.") from error


def _locked_packages(lock: Path) -> dict[str, Any]:
    if not lock.is_file():
        return {}
    try:
        packages = dict(json.loads(lock.read_bytes())["packages"])
    except (OSError, ValueError, KeyError, TypeError):  # broken, or written before npm 7: no module is known
        return {}
    return {path: facts for path, facts in packages.items() if isinstance(facts, dict)}
