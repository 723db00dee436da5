"""Who works on a stack: a record of ours beside the CLI's lock, which names a process but not the machine it is on.

Two machines may have one name, and two containers one process id; the record tells them apart.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.process_starts import has_process_ended, identify_process
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles


@dataclass(frozen=True, slots=True)
class StackOwner:
    """A process that works on a stack: of whom, where, since when, and what it does.

    `process` identifies it over all machines, containers and restarts.
    """

    process: str
    pid: int
    host: str
    user: str
    since: str
    command: str

    @property
    def started(self) -> datetime:
        """The time since when it works on the stack."""
        return datetime.fromisoformat(self.since)

    @property
    def has_ended(self) -> bool:
        """Whether it was a process of this machine, and has certainly ended."""
        return has_process_ended(self.process)


def name_this_process(command: str) -> StackOwner:
    """Return the record of this process; `command` is shown to others, and holds no values."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return StackOwner(
        identify_process(), os.getpid(), socket.gethostname(), user, datetime.now(UTC).isoformat(), command
    )


@contextmanager
def record_owner(files: StateFiles, stack: str, owner: StackOwner, mark: str) -> Iterator[None]:
    """Keep the record in the backend for the block."""
    name = f"{_owners_folder(stack)}/{mark}.json"
    files.write(name, json.dumps(asdict(owner)).encode())
    try:
        yield
    finally:
        files.delete(name)


def read_owners(files: StateFiles, stack: str) -> list[StackOwner]:
    """Return who works on a stack, or was killed while it did."""
    return [owner for _, owner in _list_named_owners(files, stack)]


def remove_ended_owners(files: StateFiles, stack: str) -> None:
    """Remove the records of processes of this machine that have ended."""
    for name, owner in _list_named_owners(files, stack):
        if owner.has_ended:
            files.delete(name)


def forget_owners(files: StateFiles, stack: str, host: str, until: datetime) -> None:
    """Remove the records of a host that were written until then: a person has looked whether its processes ended."""
    for name, owner in _list_named_owners(files, stack):
        if owner.host == host and owner.started <= until:
            files.delete(name)


def _list_named_owners(files: StateFiles, stack: str) -> Iterator[tuple[str, StackOwner]]:
    for name in files.list_files(_owners_folder(stack)):
        if owner := _parse_owner(files.read(name)):
            yield name, owner


def _parse_owner(content: bytes | None) -> StackOwner | None:
    """Return the owner of a record; None for one that is gone or was never complete."""
    try:
        found = parse_json(content or b"")
        owner = StackOwner(**{field.name: found[field.name] for field in fields(StackOwner)})
        _ = owner.started
    except (ValueError, TypeError, KeyError):
        return None
    return owner


def _owners_folder(stack: str) -> str:
    return f"semantest/owners/{PULUMI_PROJECT}/{stack}"
