"""Backups of states beside them in their backend: one before and after each run that changes a stack."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState, parse_checkpoint, state_name

KEPT_BACKUPS: Final = 20
"""For each stack; a backup is only written where it differs from the newest."""
_TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class StateBackup:
    """One backup: the name by which `state restore` takes it, the time of writing, and where it is."""

    name: str
    file: str

    @property
    def written(self) -> datetime:
        """When it was written."""
        return datetime.strptime(self.name.partition("-")[0], _TIME_FORMAT).replace(tzinfo=UTC)

    @property
    def digest(self) -> str:
        """The beginning of a hash of its content."""
        return self.name.rpartition("-")[2]


def back_up_state(files: StateFiles, stack: str) -> StateBackup | None:
    """Write a backup of the state as it is, even where it is damaged, and remove the oldest above KEPT_BACKUPS.

    Returns the newest backup; None where there is no state.
    """
    content = files.read(state_name(stack))
    if content is None:
        return None
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
    backups = list_backups(files, stack)
    if backups and backups[-1].digest == digest:
        return backups[-1]
    name = f"{datetime.now(UTC).strftime(_TIME_FORMAT)}-{digest}"
    backup = StateBackup(name, f"{_backups_folder(stack)}/{name}.json")
    files.write(backup.file, content)
    for old in [*backups, backup][:-KEPT_BACKUPS]:
        files.delete(old.file)
    return backup


def list_backups(files: StateFiles, stack: str) -> list[StateBackup]:
    """Return the backups of a stack, oldest first."""
    found = []
    for file in files.list_files(_backups_folder(stack)):
        backup = StateBackup(file.rpartition("/")[2].removesuffix(".json"), file)
        try:
            _ = backup.written
        except ValueError:
            continue
        found.append(backup)
    return sorted(found, key=lambda it: it.name)


def read_backup(files: StateFiles, stack: str, name: str) -> tuple[StateBackup, bytes, StackState]:
    """Return a backup by its name or the beginning of it.

    Raises NotFoundError, and DeploymentError for a damaged or foreign one.
    """
    chosen = [backup for backup in list_backups(files, stack) if backup.name.startswith(name)]
    if len(chosen) != 1:
        problem = "several backups" if chosen else "no backup"
        raise NotFoundError(
            f"Cannot restore the state of '{stack}': it has {problem} '{name}'.",
            hint=f"`semantest-iac state backups {stack}` lists them.",
        )
    content = files.read(chosen[0].file) or b""
    return chosen[0], content, parse_checkpoint(content, stack, files.locate(chosen[0].file))


def find_older_backup(files: StateFiles, stack: str) -> StateBackup:
    """Return the newest backup that is a state of the stack and not the one that it has; raises NotFoundError."""
    now = files.read(state_name(stack))
    for backup in reversed(list_backups(files, stack)):
        content = files.read(backup.file)
        if content and content != now:
            with suppress(DeploymentError):
                parse_checkpoint(content, stack, files.locate(backup.file))
                return backup
    raise NotFoundError(
        f"Cannot restore the state of '{stack}': it has no backup that differs from it and can be used.",
        hint="Look for a version of the file that the bucket keeps, and read it with `semantest-iac state import`.",
    )


def _backups_folder(stack: str) -> str:
    return f"semantest/backups/{PULUMI_PROJECT}/{stack}"
