"""Whether the home folder can be read and written, before a command relies on it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from semantest_iac.domain.errors import StorageError

_HINT = "--home (or SEMANTEST_HOME) chooses another folder."


def require_readable_home(home: Path) -> None:
    """Raise StorageError for a home that is there and cannot be read: it must not pass for an empty one."""
    if reason := _find_reading_fault(home):
        raise StorageError(f"Cannot read home '{home}': {reason}.", "HOME_UNUSABLE", hint=_HINT)


def require_writable_home(home: Path) -> None:
    """Raise StorageError for a home in which nothing can be made."""
    if reason := find_writing_fault(home):
        raise StorageError(f"Cannot write to home '{home}': {reason}.", "HOME_UNUSABLE", hint=_HINT)


def find_writing_fault(home: Path) -> str:
    """Return why no folder can be made in the home, or where it will be; empty if one can."""
    from secrets import token_hex

    try:
        nearest = next(folder for folder in (home, *home.parents) if folder.exists())
        made = nearest / f".draft-{token_hex(8)}"  # another command may take it for that of a killed one and remove it
        made.mkdir(mode=0o700)
        with suppress(FileNotFoundError):
            made.rmdir()
    except OSError as error:
        return _reason(error)
    return ""


def _find_reading_fault(home: Path) -> str:
    try:
        is_folder = stat.S_ISDIR(home.stat().st_mode)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _reason(error)
    if not is_folder:
        return "it is a file, and no folder"
    return "" if os.access(home, os.R_OK | os.X_OK) else "permission denied"


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refused it").lower()
