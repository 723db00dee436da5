"""Writes and reads the holder in a lock file; the record is valid only while the lock is held."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantest_iac.application.ports.stack_locks import LockHolder
from semantest_iac.infrastructure.durable_files import write_record
from semantest_iac.infrastructure.nested_text import parse_json

RECORD_BYTES = 1024  # bytes: one write of fixed length replaces the record as a whole, even if a process is killed


def write_holder(descriptor: int, deployment: str, path: Path) -> None:
    """Write this process as the holder."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = LockHolder(deployment, os.getpid(), socket.gethostname(), since)
    write_record(descriptor, json.dumps(asdict(holder)).encode().ljust(RECORD_BYTES), path)


def read_holder(path: Path) -> LockHolder | None:
    """Return the holder that a lock file names, or None if it names none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        record = _read_record(descriptor)
    finally:
        os.close(descriptor)
    named: dict[str, Any] = {field.name: record.get(field.name) for field in fields(LockHolder)}
    return None if None in named.values() else LockHolder(**named)


def _read_record(descriptor: int) -> dict[str, Any]:
    try:
        record = parse_json(os.pread(descriptor, RECORD_BYTES, 0))
    except ValueError:  # not written yet, or overwritten by another program
        return {}
    return record if isinstance(record, dict) else {}
