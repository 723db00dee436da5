"""Contents that are typed, or read from a file or stdin."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def read_content(written: str, parameter: str) -> bytes:
    """Return what is typed; @FILE reads a file, - stdin. Raises BadParameter for a file that cannot be read."""
    if written == "-":
        return sys.stdin.buffer.read()
    if not written.startswith("@"):
        return written.encode(errors="surrogateescape")
    try:
        return Path(written[1:]).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise click.BadParameter(f"'{written[1:]}' cannot be read: {reason}.", param_hint=parameter) from error
