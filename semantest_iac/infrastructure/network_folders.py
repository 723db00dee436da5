"""Tells which folders are on another machine: locks and shared memory hold only between processes of one machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

# By their names in the kernel (proc(5)); those of FUSE have the program behind a dot.
_NETWORK_TYPES: Final = frozenset(
    {
        "afs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
        "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    }
)  # fmt: skip
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def find_network_type(path: Path) -> str | None:
    """Return the type of the network file system that a path is or will be on; None for one of this machine."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux
        return None
    return find_type_in(mounts, path.resolve())


def find_type_in(mounts: str, path: Path) -> str | None:
    """Return the same by a text in the form of /proc/self/mountinfo; `path` has no links."""
    nearest, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or not kinds:
            continue
        point = Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= nearest:  # a later mount covers an earlier one
            nearest, found = len(point.parts), kinds[0]
    return found if found in _NETWORK_TYPES else None
