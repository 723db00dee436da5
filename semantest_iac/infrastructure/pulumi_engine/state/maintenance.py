"""Looks after the states of stacks in their backend: backups, files, moves to other backends, and new passphrases."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.domain.errors import NotFoundError, RefusedError
from semantest_iac.infrastructure.durable_files import ensure_private_file, remove_file, replace_file
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT, BackendSettings
from semantest_iac.infrastructure.pulumi_engine.state.backups import (
    StateBackup,
    back_up_state,
    find_older_backup,
    list_backups,
    read_backup,
)
from semantest_iac.infrastructure.pulumi_engine.state.ciphers import (
    PassphraseKey,
    encrypt_with_passphrase,
    open_state_key,
    read_salt,
)
from semantest_iac.infrastructure.pulumi_engine.state.locks import BackendLock, hold_stack, read_locks, remove_lock
from semantest_iac.infrastructure.pulumi_engine.state.moves import (
    StateMove,
    forget_move,
    read_move,
    require_not_moved,
    write_move,
)
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles, open_state_files
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    map_ciphertexts,
    parse_checkpoint,
    read_state_file,
    require_own_state,
    state_name,
)

_CHECKPOINT_VERSION = 3
_SUSPECT_PASSPHRASE = "Name the passphrase of the state: SEMANTEST_STATE_PASSPHRASE_FILE."  # noqa: S105 - a hint

ChangeSecretsProvider = Callable[[BackendSettings, str, str], None]
"""Has the CLI encrypt the state of a stack by another provider: settings of the backend, stack, provider."""


@dataclass(frozen=True, slots=True)
class RotatedStacks:
    """The stacks whose secrets have the new passphrase, and those that have none."""

    rotated: tuple[str, ...]
    without_passphrase: tuple[str, ...]
    file: Path


class StateMaintenance:
    """The states of one backend; every change holds the stack as the CLI does, and is preceded by a backup."""

    def __init__(self, settings: BackendSettings, variables: Mapping[str, str]) -> None:
        files = open_state_files(settings, variables)
        if files is None:
            raise RefusedError(
                "Cannot look after states of Pulumi Cloud: it keeps their history and locks itself.",
                "STATE_UNSUITABLE",
                hint="Use the CLI: pulumi stack export, pulumi stack import, pulumi cancel.",
            )
        self.settings = settings
        self.files: StateFiles = files
        self._variables = variables

    @property
    def location(self) -> str:
        """The backend, as it is shown."""
        return self.files.locate("").rstrip("/")

    def list_stacks(self) -> list[str]:
        """Return the stacks that have a state."""
        folder = f"stacks/{PULUMI_PROJECT}/"
        names = (name.removeprefix(folder) for name in self.files.list_files(folder))
        return [name.removesuffix(".json") for name in names if name.endswith(".json")]

    def list_locks(self, stack: str | None = None) -> list[tuple[str, BackendLock]]:
        """Return the locks of a stack, or of all, with the stack of each."""
        if stack is not None:
            return [(stack, lock) for lock in self._read_locks(stack)]
        folder = f"locks/organization/{PULUMI_PROJECT}/"
        names = (name.removeprefix(folder).rpartition("/")[0] for name in self.files.list_files(folder))
        return [(name, lock) for name in dict.fromkeys(names) for lock in self._read_locks(name)]

    def unlock(self, stack: str, lock: str) -> None:
        """Delete a lock that a person has looked after; raises NotFoundError."""
        remove_lock(self.files, stack, lock)

    def list_backups(self, stack: str) -> list[StateBackup]:
        """Return the backups of a stack, oldest first."""
        return list_backups(self.files, stack)

    def back_up(self, stack: str) -> StateBackup:
        """Write a backup of the state as it is."""
        with self._hold(stack, "state backup"):
            backup = back_up_state(self.files, stack)
        if backup is None:
            raise self._missing_error(stack)
        return backup

    def restore(self, stack: str, name: str | None = None) -> tuple[StateBackup, StackState]:
        """Put back a backup, without a name the newest that differs from the state and can be used."""
        with self._hold(stack, "state restore"):
            require_not_moved(self.files, stack)
            chosen = name or find_older_backup(self.files, stack).name
            backup, content, state = read_backup(self.files, stack, chosen)
            self._replace(stack, self._encrypt_restored(stack, state, content))
        return backup, state

    def _encrypt_restored(self, stack: str, state: StackState, content: bytes) -> bytes:
        """Return a backup encrypted with today's passphrase, where it is from before a rotation of the home's own."""
        passphrase = self.settings.read_passphrase()
        if read_salt(state) is None or open_state_key(state, passphrase):
            return content
        former = (open_state_key(state, each) for each in reversed(self.settings.read_former_passphrases()))
        old = next((key for key in former if key), None)
        if old is None:
            raise RefusedError(
                f"Cannot restore the state of '{stack}': the backup is encrypted with another passphrase.",
                "STATE_SEALED",
                hint="Restore it with SEMANTEST_STATE_PASSPHRASE_FILE naming the passphrase of that time, then give it "
                "today's with `semantest-iac state rotate-passphrase`.",
            )
        return _with_deployment(content, encrypt_with_passphrase(state, old, PassphraseKey(passphrase), stack))

    def export(self, stack: str) -> bytes:
        """Return the state as `pulumi stack export` writes it, with encrypted secrets."""
        state = read_state_file(self.files, stack)
        if state is None:
            raise self._missing_error(stack)
        exported = {"version": _CHECKPOINT_VERSION, "deployment": state.deployment}
        return json.dumps(exported, indent=4).encode() + b"\n"

    def import_state(self, stack: str, content: bytes, place: str) -> StackState:
        """Put the state of a file in place of that of the stack; raises RefusedError for any other file."""
        state, checkpoint = _read_exported(stack, content, place)
        self._require_readable(state, stack)
        with self._hold(stack, "state import"):
            require_not_moved(self.files, stack)
            self._replace(stack, checkpoint)
        return state

    def rotate_passphrase(self, new_file: Path | None) -> RotatedStacks:
        """Encrypt every state with a new passphrase; what an interrupted rotation left is gone on with.

        Without a file, a home's own passphrase is replaced by one that is made; the old one is kept beside it.
        """
        file = self._choose_new_file(new_file)
        old, new = self.settings.read_passphrase(), file.read_text(encoding="utf-8").strip()
        if not new:
            raise RefusedError(f"Cannot rotate the passphrase: '{file}' is empty.", "STATE_SEALED")
        stacks = self.list_stacks()
        with_passphrase = [stack for stack in stacks if self._require_one_of(stack, (old, new))]
        key = PassphraseKey(new)
        for stack in with_passphrase:
            with self._hold(stack, "state rotate-passphrase"):
                self._rotate(stack, old, new, key)
        if self.settings.is_private:
            self._replace_own_passphrase(old, new)
        remove_file(self.settings.salt_file)  # it proves the old passphrase
        others = tuple(stack for stack in stacks if stack not in with_passphrase)
        return RotatedStacks(
            tuple(with_passphrase), others, self.settings.own_passphrase if self.settings.is_private else file
        )

    def _choose_new_file(self, given: Path | None) -> Path:
        """Return the file of the new passphrase; in a home of its own it is kept there until all states have it."""
        if not self.settings.is_private:
            if given is None:
                hint = "Make one, such as with `openssl rand -hex 32`, and bring it to every machine."
                raise RefusedError("Cannot rotate the passphrase: the file of the new one is not named.", hint=hint)
            return given
        kept = self.settings.next_passphrase
        text = given.read_text("utf-8").strip() if given else ""
        if text and kept.exists() and kept.read_text("utf-8").strip() != text:
            raise RefusedError(
                "Cannot rotate the passphrase: a rotation to another one was interrupted.",
                "STATE_SEALED",
                hint="First run `semantest-iac state rotate-passphrase` alone, which goes on with it.",
            )
        if given is not None and not text:
            raise RefusedError(f"Cannot rotate the passphrase: '{given}' is empty.", "STATE_SEALED")
        return ensure_private_file(kept, lambda: text or secrets.token_urlsafe(32))

    def _replace_own_passphrase(self, old: str, new: str) -> None:
        """Give the home the new passphrase; all former ones stay beside it, for the backups."""
        former = self.settings.read_former_passphrases()
        if old and old not in (new, *former):
            replace_file(self.settings.former_passphrases, "".join(f"{each}\n" for each in (*former, old)))
        replace_file(self.settings.own_passphrase, new)
        remove_file(self.settings.next_passphrase)

    def _require_one_of(self, stack: str, passphrases: Iterable[str]) -> bool:
        """Raise RefusedError unless one of the passphrases opens a state; False where it has none."""
        state = read_state_file(self.files, stack)
        if state is None or read_salt(state) is None:
            return False
        if not any(open_state_key(state, passphrase) for passphrase in passphrases):
            raise self._sealed_error(stack)
        return True

    def move(
        self, stack: str, target: StateMaintenance, change_provider: ChangeSecretsProvider, provider: str | None
    ) -> StackState:
        """Move a state to another backend or to another provider of keys; a move that was interrupted goes on.

        It is read back and compared there, with its secrets, before it leaves here. Here a backup and a note stay.
        To the place where it is, it gives an interrupted move up.
        """
        if self.location == target.location:
            return self._change_provider(stack, target, change_provider, provider)
        with ExitStack() as held:
            held.enter_context(self._hold(stack, "state move"))
            held.enter_context(target._hold(stack, "state move"))
            state = self._copy_to(stack, target)
        copied = read_state_file(target.files, stack)
        if provider and copied and not _is_encrypted_by(copied, provider):
            change_provider(target.settings, stack, provider)
        with self._hold(stack, "state move"):
            moved = read_state_file(target.files, stack)
            if moved is None or _bare(moved) != _bare(state):
                raise RefusedError(
                    f"Cannot leave '{self.location}': the state of '{stack}' in '{target.location}' is another one.",
                    "STATE_EXISTS",
                    hint="Both are kept. Run the same command again, or compare them (`semantest-iac state export`).",
                )
            for name in (state_name(stack), f"{state_name(stack)}.bak"):
                self.files.delete(name)
            write_move(self.files, stack, StateMove(target.location, is_done=True))
        return moved

    def _copy_to(self, stack: str, target: StateMaintenance) -> StackState:
        state, there = read_state_file(self.files, stack), read_state_file(target.files, stack)
        if state is None:
            before = read_move(self.files, stack)
            if before and before.to == target.location and there is not None:
                return there  # it has left before
            raise self._missing_error(stack)
        if there is not None and there.resources and _bare(there) != _bare(state):
            raise RefusedError(
                f"Cannot move the state of '{stack}': '{target.location}' has another state of it.",
                "STATE_EXISTS",
                hint="Look at it with `semantest-iac state export`, and remove it there if it is not needed.",
            )
        content = self._encrypt_for(stack, state, self.files.read(state_name(stack)) or b"", target)
        back_up_state(self.files, stack)
        write_move(self.files, stack, StateMove(target.location))
        if there is None or not there.resources:
            target._write_verified(stack, content)
        forget_move(target.files, stack)
        return state

    def _change_provider(
        self, stack: str, target: StateMaintenance, change_provider: ChangeSecretsProvider, provider: str | None
    ) -> StackState:
        note = read_move(self.files, stack)
        if not provider and note and not note.is_done and (state := read_state_file(self.files, stack)):
            with self._hold(stack, "state move"):
                forget_move(self.files, stack)
            return state
        if not provider:
            hint = "Name another one with --to-backend, or another provider of keys with --to-secrets-provider."
            raise RefusedError(f"Cannot move the state of '{stack}': it is in '{self.location}' already.", hint=hint)
        require_not_moved(self.files, stack)
        state = read_state_file(self.files, stack)
        if state is None:
            raise self._missing_error(stack)
        if not _is_encrypted_by(state, provider):
            change_provider(target.settings, stack, provider)
        return read_state_file(self.files, stack) or state

    def _encrypt_for(self, stack: str, state: StackState, content: bytes, target: StateMaintenance) -> bytes:
        """Return the content for another backend, whose passphrase may be another one."""
        if read_salt(state) is None:
            return content
        key = self._require_key(state, stack)
        if open_state_key(state, target.settings.read_passphrase()):
            return content
        passphrase = target.settings.read_passphrase() or target.settings.ensure_passphrase_file().read_text().strip()
        return _with_deployment(content, encrypt_with_passphrase(state, key, PassphraseKey(passphrase), stack))

    def _rotate(self, stack: str, old: str, new: str, key: PassphraseKey) -> None:
        """Encrypt a state with the new passphrase, unless an interrupted rotation has done it."""
        require_not_moved(self.files, stack)
        content = self.files.read(state_name(stack)) or b""
        state = parse_checkpoint(content, stack, self.files.locate(state_name(stack)))
        if open_state_key(state, new):
            return
        before = open_state_key(state, old)
        if before is None:
            raise self._sealed_error(stack)
        self._replace(stack, _with_deployment(content, encrypt_with_passphrase(state, before, key, stack)))

    def _replace(self, stack: str, content: bytes) -> None:
        """Write a state between two backups: the newest is always what the stack has."""
        back_up_state(self.files, stack)
        self._write_verified(stack, content)
        back_up_state(self.files, stack)

    def _write_verified(self, stack: str, content: bytes) -> None:
        self.files.write(state_name(stack), content)
        if self.files.read(state_name(stack)) != content:
            raise RefusedError(
                f"Cannot change the state of '{stack}': '{self.location}' does not have what was written.",
                "STATE_EXISTS",
                hint=f"Another program writes there. Go back with: semantest-iac state restore {stack}",
            )

    def _require_readable(self, state: StackState, stack: str) -> None:
        if read_salt(state) is not None:
            self._require_key(state, stack)

    def _require_key(self, state: StackState, stack: str) -> PassphraseKey:
        key = open_state_key(state, self.settings.read_passphrase())
        if key is None:
            raise self._sealed_error(stack)
        return key

    def _sealed_error(self, stack: str) -> RefusedError:
        return RefusedError(
            f"Cannot read the secrets in the state of '{stack}': they are encrypted with another passphrase.",
            "STATE_SEALED",
            hint=_SUSPECT_PASSPHRASE,
        )

    def _hold(self, stack: str, command: str) -> AbstractContextManager[None]:
        return hold_stack(self.files, stack, command, is_private=self.settings.is_private)

    def _read_locks(self, stack: str) -> list[BackendLock]:
        return read_locks(self.files, stack, is_private=self.settings.is_private)

    def _missing_error(self, stack: str) -> NotFoundError:
        return NotFoundError(
            f"Cannot find a state of '{stack}' in '{self.location}'.",
            hint="Check the name of the stack and state.backend; `semantest-iac state list` shows what is there.",
        )


def _read_exported(stack: str, content: bytes, place: str) -> tuple[StackState, bytes]:
    """Return the state in a file that was exported or is of a backend, and its text as a backend has it."""
    try:
        found = parse_json(content)
        if "checkpoint" in found:
            return parse_checkpoint(content, stack, place), content
        state = StackState(found["deployment"])
        urns = [str(resource["urn"]) for resource in state.resources]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError(
            f"Cannot import the state of '{stack}': '{place}' is no state.",
            "STATE_DAMAGED",
            hint="Take a file of `semantest-iac state export` or `pulumi stack export`.",
        ) from error
    require_own_state(stack, stack, urns, place)
    checkpoint = {"stack": f"organization/{PULUMI_PROJECT}/{stack}", "latest": state.deployment}
    return state, json.dumps({"version": _CHECKPOINT_VERSION, "checkpoint": checkpoint}).encode()


def _with_deployment(content: bytes, deployment: Mapping[str, Any]) -> bytes:
    found = parse_json(content)
    return json.dumps({**found, "checkpoint": {**found["checkpoint"], "latest": deployment}}).encode()


def _is_encrypted_by(state: StackState, provider: str) -> bool:
    found = state.secrets_provider
    return provider in (found.get("type"), (found.get("state") or {}).get("url"))


def _bare(state: StackState) -> Any:
    """Return what a state says of resources, without what is encrypted and the empty fields, which the CLI may add."""
    shown = map_ciphertexts(state.deployment, lambda ciphertext: "")
    parts = [*(shown.get("resources") or ()), *(shown.get("pending_operations") or ())]
    return [{key: value for key, value in part.items() if value} for part in parts]
