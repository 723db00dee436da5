"""Finds the program that runs a function's language on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from semantest_iac.domain.errors import RuntimeFailedError

HOSTS = Path(__file__).parent / "hosts"
PYTHON_FLAGS = ("-I", "-S", "-B", "-X", "utf8")  # nothing of our own environment; no .pyc beside the code


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The command in front of a host program's arguments, and a note when it is not the cloud's version."""

    command: tuple[str, ...]
    note: str = ""


def interpreter_for(runtime: str, memory_mb: int, hosts: Mapping[str, str]) -> Interpreter:
    """The nearest interpreter for the runtime, with its host program; raises RuntimeFailedError when there is none."""
    if runtime.startswith("python"):
        program, note = _python(runtime.removeprefix("python"))
        return Interpreter((program, *PYTHON_FLAGS, str(HOSTS / hosts["python"])), note)
    if runtime.startswith("nodejs"):
        program, note = _node(runtime.removeprefix("nodejs").partition(".")[0])
        heap = f"--max-old-space-size={memory_mb}"
        return Interpreter((program, heap, str(HOSTS / hosts["nodejs"])), note)
    raise RuntimeFailedError(f"Cannot run runtime '{runtime}': only Python and Node functions run here.")


def death_pact() -> tuple[str, ...]:
    """A prefix that makes the kernel end the process with ours, even when it hangs; only Linux has one."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None or Path(setpriv).resolve().name == "busybox":  # busybox's own knows no such option
        return ()
    return setpriv, "--pdeathsig", "KILL", "--"


def _python(version: str) -> tuple[str, str]:
    own = "{}.{}".format(*sys.version_info[:2])
    exact = sys.executable if version == own else next(_binaries(f"python{version}"), None)
    if exact:
        return exact, ""
    return sys.executable, f"python{version} is not on this machine; the function runs on {own} here."


def _binaries(name: str) -> Iterator[str]:
    """Programs of that name on the PATH; a script is a version manager's shim and may run nothing."""
    for folder in os.get_exec_path():
        path = Path(folder) / name
        if os.access(path, os.X_OK) and path.is_file() and _starts(path) != b"#!":
            yield str(path)


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def _node(wanted: str) -> tuple[str, str]:
    program = shutil.which("node")
    if program is None:
        hint = "Install Node.js, or choose a Python runtime."
        raise RuntimeFailedError("Cannot run a Node function: node is not on the PATH.", hint=hint)
    found = _node_major(program)
    note = f"Node {wanted} is not on this machine; the function runs on Node {found} here."
    return program, "" if found == wanted else note


@cache
def _node_major(program: str) -> str:
    command = [program, "--version"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  # no shell
    return asked.stdout.strip().removeprefix("v").partition(".")[0] or "unknown"
