"""Looking after the states that an engine keeps of stacks: locks, backups, files, moves and passphrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


class StateLock(Protocol):
    """A lock of a state: who holds it where since when, and what they do with it."""

    @property
    def id(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def since(self) -> datetime: ...
    @property
    def command(self) -> str: ...
    @property
    def is_stale(self) -> bool: ...


class KeptState(Protocol):
    """A backup of a state."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def written(self) -> datetime: ...


class ReadState(Protocol):
    """A state that was read."""

    @property
    def live_resources(self) -> Sequence[Mapping[str, Any]]: ...


class NewPassphrase(Protocol):
    """What a rotation did: the stacks that have the new passphrase, those without one, and its file."""

    @property
    def rotated(self) -> Sequence[str]: ...
    @property
    def without_passphrase(self) -> Sequence[str]: ...
    @property
    def file(self) -> Path: ...


class StackStates(Protocol):
    """The states of one backend."""

    @property
    def location(self) -> str:
        """The backend, as it is shown."""
        ...

    def list_stacks(self) -> Sequence[str]:
        """Return the stacks that have a state."""
        ...

    def list_locks(self, stack: str | None = None) -> Sequence[tuple[str, StateLock]]:
        """Return the locks of a stack, or of all, with the stack of each."""
        ...

    def unlock(self, stack: str, lock: str) -> None:
        """Delete a lock that a person has looked after; raises NotFoundError."""
        ...

    def list_backups(self, stack: str) -> Sequence[KeptState]:
        """Return the backups of a stack, oldest first."""
        ...

    def back_up(self, stack: str) -> KeptState:
        """Write a backup of the state as it is."""
        ...

    def restore(self, stack: str, name: str | None = None) -> tuple[KeptState, ReadState]:
        """Put back a backup: the named one, else the newest that differs from the state and can be used."""
        ...

    def export(self, stack: str) -> bytes:
        """Return the state as `pulumi stack export` writes it, with encrypted secrets."""
        ...

    def import_state(self, stack: str, content: bytes, place: str) -> ReadState:
        """Put the state of a file in place of that of the stack; raises RefusedError for any other file."""
        ...

    def rotate_passphrase(self, new_file: Path | None) -> NewPassphrase:
        """Encrypt every state with a new passphrase; an interrupted rotation goes on."""
        ...

    def move(self, stack: str, target: Any, change_provider: Any, provider: str | None) -> ReadState:
        """Move a state to another backend or provider of keys; an interrupted move goes on."""
        ...
