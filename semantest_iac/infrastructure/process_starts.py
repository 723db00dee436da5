"""Tells whether a process of this machine is still the one that was noted: ids are given again after a while."""

from __future__ import annotations

import os
import socket
from pathlib import Path

UNKNOWN_START = 0.0


def read_process_start(pid: int) -> float | None:
    """When a living process started, in seconds of the wall clock; 0 if unknown, None if there is no such process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
        return int(boot.split()[1]) + _read_start_ticks(pid) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, StopIteration):
        return UNKNOWN_START


def identify_process() -> str:
    """Return a name of this process that no other process has, on any machine and after any restart of one."""
    pid = os.getpid()
    return f"{_identify_machine()}/{pid}@{_try_to_read_start(pid)}"


def has_process_ended(identity: str) -> bool:
    """Whether the process with this name has certainly ended; False for one of another machine or container."""
    machine, _, process = identity.rpartition("/")
    pid, _, start = process.partition("@")
    if machine != _identify_machine() or not pid.isdigit():
        return False
    return read_process_start(int(pid)) is None or _try_to_read_start(int(pid)) != start


def _identify_machine() -> str:
    """Name the space in which process ids are unique: a container has its own, and ids begin anew with each boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = space = ""
    return f"{socket.gethostname()}/{boot}/{space}"


def _try_to_read_start(pid: int) -> str:
    try:
        return str(_read_start_ticks(pid))
    except (OSError, ValueError, IndexError):
        return ""


def _read_start_ticks(pid: int) -> int:
    """Return the ticks from the boot to the start of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
