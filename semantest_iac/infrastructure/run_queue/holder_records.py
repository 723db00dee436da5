"""Writes and reads the holder in a lock file; the record is valid only while the lock is held."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantest_iac.application.ports.run_queue import LeaseHolder
from semantest_iac.infrastructure.durable_files import write_record
from semantest_iac.infrastructure.nested_text import parse_json

RECORD_BYTES = 1024  # bytes: one write of fixed length replaces the record as a whole, even if a process is killed


def write_holder_and_next_fence(descriptor: int, deployment: str, path: Path) -> int:
    """Write this process as the holder; returns the fence, one more than that of the last holder."""
    last = _read_record(descriptor).get("fence")
    fence = last + 1 if isinstance(last, int) else 1
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = LeaseHolder(deployment, os.getpid(), socket.gethostname(), since)
    record = json.dumps({"fence": fence, **asdict(holder)})
    write_record(descriptor, record.encode().ljust(RECORD_BYTES), path)
    return fence


def read_holder(path: Path) -> LeaseHolder | None:
    """Return the holder that a lock file names, or None if it names none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        record = _read_record(descriptor)
    finally:
        os.close(descriptor)
    named: dict[str, Any] = {field.name: record.get(field.name) for field in fields(LeaseHolder)}
    return None if None in named.values() else LeaseHolder(**named)


def _read_record(descriptor: int) -> dict[str, Any]:
    try:
        record = parse_json(os.pread(descriptor, RECORD_BYTES, 0))
    except ValueError:  # not written yet, or overwritten by another program
        return {}
    return record if isinstance(record, dict) else {}
