"""Text from files that somebody else wrote: bounded, regular, UTF-8."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import Fault

LARGEST = 1024 * 1024  # bytes


def read_text(path: Path, *, must_exist: bool) -> str | Fault | None:
    """The text; None for a file that is not there and need not be; a fault for everything else."""
    try:
        if not path.is_file():
            return _missing(path) if must_exist or path.exists() else None
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)  # bounded by itself: a file may grow after a look at its size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return Fault("", f"cannot be read: {reason}", file=shown(str(path), 200))
    return _decoded(content, path)


def _missing(path: Path) -> Fault:
    message = "not a file" if path.exists() else "no such file"
    return Fault("", message, "Check the path.", file=shown(str(path), 200))


def _decoded(content: bytes, path: Path) -> str | Fault:
    if len(content) > LARGEST:
        return Fault("", f"larger than {LARGEST // 1024} KiB", file=str(path))
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Fault("", "not UTF-8", file=str(path), line=line)
