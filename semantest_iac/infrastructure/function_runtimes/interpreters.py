"""Finds the interpreter of a function on this machine, and compiled modules of a package that none here can load."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from semantest_iac.domain.errors import Fault, RuntimeFailedError

HOST_PROGRAMS = Path(__file__).parent / "hosts"
PYTHON_FLAGS = ("-I", "-S", "-B", "-X", "utf8")  # isolated from our own environment; see semantest_bytecode
_COMPILED_MODULE = re.compile(r".*\.cpython-3(?P<minor>\d+)-x86_64-linux-gnu\.so")  # PEP 3149
_VERSION_FOLDER = re.compile(r"(?:cpython-)?(3\.\d+\.\d+)(?:-.*)?")
_NODE_FOLDER = re.compile(r"v?(\d+\.\d+\.\d+)")
_OWN_VERSION = "{}.{}".format(*sys.version_info[:2])


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The command before a host program's arguments, and a note when it is not the cloud's version."""

    command: tuple[str, ...]
    note: str = ""


def find_interpreter(runtime: str, memory_mb: int, hosts: Mapping[str, str]) -> Interpreter:
    """Return the nearest interpreter for the runtime with its host program.

    Raises RuntimeFailedError if there is none.
    """
    if runtime.startswith("python"):
        program, note = _find_nearest_python(runtime.removeprefix("python"))
        return Interpreter((program, *PYTHON_FLAGS, str(HOST_PROGRAMS / hosts["python"])), note)
    if runtime.startswith("nodejs"):
        program, note = _find_nearest_node(runtime.removeprefix("nodejs").partition(".")[0])
        heap = f"--max-old-space-size={memory_mb}"
        return Interpreter((program, heap, str(HOST_PROGRAMS / hosts["nodejs"])), note)
    raise RuntimeFailedError(f"Cannot run runtime '{runtime}': only Python and Node functions run here.")


def _find_nearest_python(version: str) -> tuple[str, str]:
    exact = find_python(version)
    if exact:
        return exact, ""
    return sys.executable, f"python{version} is not on this machine; the function runs on {_OWN_VERSION} here."


def find_python(version: str) -> str | None:
    """Return the interpreter of a version such as `3.13`: ours, one on the PATH, or one that pyenv or uv installed."""
    if version == _OWN_VERSION:
        return sys.executable
    return next(chain(_find_binaries(f"python{version}"), _find_installed_python(version)), None)


def find_compiled_module_fault(runtime: str, names: Iterable[str]) -> Fault | None:
    """Return the fault of a package with modules that no interpreter on this machine can load."""
    version = runtime.removeprefix("python")
    if version == runtime:
        return None
    modules = ((match["minor"], name) for name in names if (match := _COMPILED_MODULE.fullmatch(name)))
    name = next((name for minor, name in modules if f"3.{minor}" == version), "")
    if not name:
        return None
    if not is_cloud_platform():
        system = f"{platform.system()} on {platform.machine()}"
        return Fault(name, f"is compiled for Linux on x86_64, and this machine is {system}", "Run the tool there.")
    if find_python(version) is None:
        hint = (
            f"`uv python install {version}` or `pyenv install {version}` gets it; or set runtime python{_OWN_VERSION}."
        )
        return Fault(name, f"is compiled for Python {version}, and python{version} is not on this machine", hint)
    return None


def is_cloud_platform() -> bool:
    """Return whether this machine loads what is compiled for the clouds."""
    return sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")


def _find_binaries(name: str) -> Iterator[str]:
    """Yield programs of that name on the PATH, without scripts: a version manager's shim may run nothing."""
    for folder in os.get_exec_path():
        path = Path(folder) / name
        if os.access(path, os.X_OK) and path.is_file() and _first_two_bytes(path) != b"#!":
            yield str(path)


def _find_installed_python(version: str) -> Iterator[str]:
    """Yield the interpreters that pyenv and uv keep, the newest first."""
    data = _folder_of("XDG_DATA_HOME", Path.home() / ".local" / "share")
    pyenv = _folder_of("PYENV_ROOT", Path.home() / ".pyenv") / "versions"
    uv = _folder_of("UV_PYTHON_INSTALL_DIR", data / "uv" / "python")
    found = [
        (tuple(map(int, match[1].split("."))), folder / "bin" / f"python{version}")
        for root in (pyenv, uv)
        for folder in (root.iterdir() if root.is_dir() else ())
        if (match := _VERSION_FOLDER.fullmatch(folder.name)) and match[1].startswith(f"{version}.")
    ]
    yield from (str(program) for _, program in sorted(found, reverse=True) if os.access(program, os.X_OK))


def _first_two_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def _find_nearest_node(version: str) -> tuple[str, str]:
    program = find_node(version) or shutil.which("node")
    if program is None:
        hint = "Install Node.js, or choose a Python runtime."
        raise RuntimeFailedError("Cannot run a Node function: node is not on the PATH.", hint=hint)
    found = _node_major_version(program)
    note = f"Node {version} is not on this machine; the function runs on Node {found} here."
    return program, "" if found == version else note


def find_node(version: str) -> str | None:
    """Return the Node of a major version such as `24`: one on the PATH, or one that a version manager installed."""
    on_path = (program for program in _find_binaries("node") if _node_major_version(program) == version)
    return next(chain(on_path, _find_installed_node(version)), None)


def _find_installed_node(version: str) -> Iterator[str]:
    """Yield the programs that nvm, fnm, volta, asdf and mise keep, the newest first."""
    found = [
        (tuple(map(int, match[1].split("."))), folder / inside / "bin" / "node")
        for root, inside in _node_folders()
        for folder in (root.iterdir() if root.is_dir() else ())
        if (match := _NODE_FOLDER.fullmatch(folder.name)) and match[1].startswith(f"{version}.")
    ]
    yield from (str(program) for _, program in sorted(found, reverse=True) if os.access(program, os.X_OK))


def _node_folders() -> Iterator[tuple[Path, str]]:
    """Yield the folders of installed versions, and where in one of them its `bin` lies."""
    data = _folder_of("XDG_DATA_HOME", Path.home() / ".local" / "share")
    yield _folder_of("NVM_DIR", Path.home() / ".nvm") / "versions" / "node", ""
    yield _folder_of("FNM_DIR", data / "fnm") / "node-versions", "installation"
    yield _folder_of("VOLTA_HOME", Path.home() / ".volta") / "tools" / "image" / "node", ""
    yield _folder_of("ASDF_DATA_DIR", Path.home() / ".asdf") / "installs" / "nodejs", ""
    yield _folder_of("MISE_DATA_DIR", data / "mise") / "installs" / "node", ""


def _folder_of(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)


@cache
def _node_major_version(program: str) -> str:
    command = [program, "--version"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  # no shell
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return result.stdout.strip().removeprefix("v").partition(".")[0] or "unknown"
