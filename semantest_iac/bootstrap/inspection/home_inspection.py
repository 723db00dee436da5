"""Inspects every part of a home and lists the repairs that are safe."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from semantest_iac.application.ports.home_parts import HomePart, PartRepair, PartStatus
from semantest_iac.domain.deployment.stack import Stack, format_stack_options
from semantest_iac.domain.errors import DeploymentError, ProviderError, StorageError, as_storage_error
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE
from semantest_iac.infrastructure.home_backups import copy_to_backup, move_to_backup
from semantest_iac.infrastructure.home_manifest import HomeManifest, ManifestContent, read_manifest_file
from semantest_iac.infrastructure.package_digests import compute_digest

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
    from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud

REPAIR_COMMAND = "semantest-iac repair"
_LEDGER = "ledger.db"
_CLOUDS: Mapping[str, str] = {SANDBOX_ENGINE: "cloud.db", PULUMI_ENGINE: "pulumi/cloud.db"}
_STATUS_OF_CODE: Mapping[str, PartStatus] = {
    "LEDGER_FOREIGN": "foreign",
    "LEDGER_REPLACED": "foreign",
    "LEDGER_NEWER": "newer",
    "LEDGER_YOUNGER": "younger",
    "LEDGER_READ_ONLY": "unreadable",
    "LEDGER_BUSY": "unreadable",
    "HOME_NEWER": "newer",
    "STATE_MISSING": "missing",
}
_FOLDERS = ("artifacts", "artifacts/known", "locks", "runtime", "sandbox", "logs", "pulumi")


class HomeInspection:
    """The parts of one home; looking changes nothing."""

    def __init__(self, home: Path, ledger: Ledger, queue: RunQueue) -> None:
        self._home = home
        self._ledger = ledger
        self._queue = queue
        self._manifest = HomeManifest(home)

    def inspect(self) -> list[HomePart]:
        """Return every part with its condition; none for a home that does not exist."""
        if not self._home.is_dir():
            return []
        folders = [*self._inspect_folders(), *self._inspect_files(), *self._inspect_messages()]
        parts = [self._inspect_manifest(), *self._inspect_copies(), *self._inspect_ledger(), *folders]
        broken = {part.part for part in folders if not part.is_usable}
        if "sandbox" not in broken:
            parts += self._inspect_clouds_and_states()
        if "pulumi" not in broken:
            parts += self._inspect_pulumi_states()
        if "artifacts" not in broken:
            parts += self._inspect_packages()
        return parts

    def accept_ledger(self) -> HomePart:
        """Return the ledger with the repair that lets the home go on with it, which only a person can decide."""
        return HomePart(
            _LEDGER,
            "younger",
            repair=PartRepair(
                "The home forgets the events that it has noted and the ledger lacks.", self._accept_ledger
            ),
        )

    def _accept_ledger(self) -> str:
        noted = self._read_noted()
        if self._manifest.path.is_file():
            copy_to_backup(self._home, self._manifest.path)
        head = self._unnoted_ledger().head()
        self._manifest.replace_content(ManifestContent(head.position, head.hash, noted.stacks, noted.parts))
        return f"The home goes on with the {head.position} events of the ledger."

    def _read_noted(self) -> ManifestContent:
        try:
            return self._manifest.read() or ManifestContent()
        except StorageError:
            return ManifestContent()

    def _unnoted_ledger(self) -> Ledger:
        """The ledger as it is, whatever the home has noted."""
        from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

        return SqliteLedger(self._home / _LEDGER)

    def _inspect_manifest(self) -> HomePart:
        path = self._manifest.path
        if not (path.exists() or path.is_symlink()):
            has_copies = bool(self._manifest.list_copies())
            cause = (
                "a copy is used until the next change writes it again" if has_copies else "written at the next change"
            )
            return HomePart(path.name, "absent", cause)
        try:
            self._manifest.read()
        except StorageError as error:
            if error.error_code == "HOME_NEWER":
                return HomePart(path.name, "newer", error.message, error.hint)
            repair = PartRepair("Write the manifest again from the ledger and its copies.", self._rewrite_manifest)
            return HomePart(path.name, "damaged", error.message, REPAIR_COMMAND, repair)
        return HomePart(path.name)

    def _inspect_copies(self) -> Iterator[HomePart]:
        for path in self._manifest.list_copies():
            part = str(path.relative_to(self._home))
            try:
                read_manifest_file(path)
            except StorageError as error:
                yield self._movable(part, "damaged", error.message)

    def _rewrite_manifest(self) -> str:
        """Note the ledger's head; raises LedgerError where a copy of the manifest has noted more."""
        kept = move_to_backup(self._home, self._manifest.path)
        noted = self._read_noted()
        head = self._ledger.head()
        self._manifest.replace_content(ManifestContent(head.position, head.hash, noted.stacks, noted.parts))
        return f"The manifest notes event {head.position}; the damaged one is '{kept}'."

    def _inspect_ledger(self) -> Iterator[HomePart]:
        path = self._home / _LEDGER
        if path.is_file() and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            yield HomePart(_LEDGER, "unreadable", "permission denied", f"chmod u+rw '{path}'")
            return
        try:
            self._ledger.verify()
        except DeploymentError as error:
            if error.error_code.startswith("HOME_"):
                return  # the manifest says it
            if error.error_code == "LEDGER_ROWS_CHANGED":
                yield HomePart(_LEDGER)
                repair = PartRepair("Write the ledger's rows again from its events.", self._rebuild_rows)
                yield HomePart(f"{_LEDGER}: rows", "damaged", error.message, REPAIR_COMMAND, repair)
            else:
                yield HomePart(_LEDGER, _STATUS_OF_CODE.get(error.error_code, "damaged"), error.message, error.hint)
            return
        exists = (self._home / _LEDGER).exists()
        yield HomePart(_LEDGER, "intact" if exists else "absent")
        yield HomePart(f"{_LEDGER}: rows", "intact" if exists else "absent")
        if faults := self._queue.find_faults():
            repair = PartRepair("Remove what is queued and contradicts the ledger's events.", self._mend_queue)
            more = f", and {len(faults) - 1} more" if faults[1:] else ""
            yield HomePart(f"{_LEDGER}: queue", "damaged", f"{faults[0]}{more}", REPAIR_COMMAND, repair)

    def _mend_queue(self) -> str:
        from asyncio import run

        kept = copy_to_backup(self._home, self._home / _LEDGER)
        run(self._queue.remove_faults())
        return f"The queue fits the ledger's events; the ledger as it was is '{kept}'."

    def _rebuild_rows(self) -> str:
        kept = copy_to_backup(self._home, self._home / _LEDGER)
        self._ledger.rebuild()
        return f"The rows are those of {self._ledger.head().position} events; the ledger as it was is '{kept}'."

    def _inspect_folders(self) -> Iterator[HomePart]:
        noted = self._read_noted().parts
        for name in _FOLDERS:
            path = self._home / name
            if name == "pulumi" and name in noted and not path.exists():
                cause = "the states of the Pulumi engine were in it"
                yield HomePart(name, "missing", cause, "Restore the folder from a backup.")
            if path.exists() and not path.is_dir():
                yield self._movable(name, "foreign", "a file is where a folder should be")
            elif path.is_dir() and not os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
                yield HomePart(name, "unreadable", "permission denied", f"chmod u+rwx '{path}'")

    def _inspect_files(self) -> Iterator[HomePart]:
        for folder, pattern in (("locks", "*.lock"), ("artifacts/known", "*.json"), ("artifacts", "*.zip")):
            for path in sorted((self._home / folder).glob(pattern)):
                if not path.is_file():
                    yield self._movable(f"{folder}/{path.name}", "foreign", "a folder is where a file should be")
                elif not os.access(path, os.R_OK, effective_ids=True):
                    yield HomePart(f"{folder}/{path.name}", "unreadable", "permission denied", f"chmod u+rw '{path}'")

    def _inspect_messages(self) -> Iterator[HomePart]:
        from semantest_iac.infrastructure.message_store.message_database import MESSAGES_FILE, find_messages_fault

        path = self._home / MESSAGES_FILE
        if path.exists():
            yield self._judge(MESSAGES_FILE, find_messages_fault(path), "the messages and ticks in it are lost")

    def _judge(self, part: str, fault: str, loss: str) -> HomePart:
        """A file that is made again when it is needed, and what is lost once a damaged one is away."""
        if fault == "permission denied":
            return HomePart(part, "unreadable", fault, f"chmod u+rw '{self._home / part}'")
        return self._movable(part, "damaged", f"{fault}; {loss}") if fault else HomePart(part)

    def _movable(self, part: str, status: PartStatus, cause: str) -> HomePart:
        """A part that is made again when it is needed, once what is in its place is gone."""
        return HomePart(
            part, status, cause, REPAIR_COMMAND, PartRepair(f"Move '{part}' away.", partial(self._move, part))
        )

    def _move(self, part: str) -> str:
        moved = [move_to_backup(self._home, path) for path in _with_sqlite_files(self._home / part)]
        return f"'{part}' is now '{moved[0]}'."

    def _inspect_packages(self) -> Iterator[HomePart]:
        for path in sorted((self._home / "artifacts").glob("*.zip")):
            if not (path.is_file() and os.access(path, os.R_OK, effective_ids=True)):
                continue
            part = f"artifacts/{path.name}"
            if compute_digest(path) == path.stem:
                yield HomePart(part)
            else:
                yield self._movable(
                    part, "damaged", "its content has another digest than its name; built again when needed"
                )

    def _inspect_clouds_and_states(self) -> Iterator[HomePart]:
        clouds = [self._inspect_cloud(engine, part) for engine, part in _CLOUDS.items()]
        yield from (part for part in clouds if part)
        sandbox = next((part for part in clouds if part and part.part == _CLOUDS[SANDBOX_ENGINE]), None)
        if sandbox is None or not sandbox.is_usable:
            return
        from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore

        store = StateStore(self._home / "sandbox")
        key_files = list(self._inspect_key(store))
        yield from key_files
        if key_files:
            return  # what the states hold shows when the key is mended
        for stack in self._sandbox_stacks():
            yield self._inspect_state(store, stack)

    def _inspect_pulumi_states(self) -> Iterator[HomePart]:
        """The states of the Pulumi engine that are files in the home; which copy to go back to, a person decides."""
        from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFolder
        from semantest_iac.infrastructure.pulumi_engine.state.states import (
            find_newest_copy,
            read_state_file,
            state_path,
        )

        backend = self._home / "pulumi" / "state" / ".pulumi"
        files = StateFolder(backend)
        for stack in [stack for stack, engine in self._engines().items() if engine == PULUMI_ENGINE]:
            path, copy = state_path(backend, stack), find_newest_copy(backend, stack)
            part = str(path.relative_to(self._home))
            redeploy = f"semantest-iac deploy {format_stack_options(Stack.parse(stack))} --refresh"
            command = f"cp '{copy}' '{path}' && {redeploy}" if copy else "Restore the file from a backup."
            try:
                if not backend.is_dir() or read_state_file(files, stack) is not None:
                    yield HomePart(part)  # without the folder the backend is elsewhere
                else:
                    yield HomePart(part, "missing", "the file is missing, and the stack is deployed", command)
            except (DeploymentError, OSError) as error:
                yield HomePart(part, "damaged" if path.exists() else "missing", str(error), command)
        passphrase = self._home / "pulumi" / "passphrase"
        if backend.is_dir() and any(backend.glob("stacks/*/*.json")) and not passphrase.exists():
            cause = "the secrets in the states of the Pulumi engine cannot be read without it"
            yield HomePart("pulumi/passphrase", "missing", cause, "Restore the file from a backup.")

    def _inspect_cloud(self, engine: str, part: str) -> HomePart | None:
        from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import find_inventory_fault

        path = self._home / part
        if not path.exists():
            stacks = self._simulated_stacks(engine)
            if not stacks:
                return HomePart(part, "absent") if engine == SANDBOX_ENGINE else None
            command = "; ".join(f"semantest-iac deploy {format_stack_options(Stack.parse(stack))}" for stack in stacks)
            return HomePart(part, "missing", "the next deployment creates its resources again", command)
        loss = "once it is away, the next deployment creates the resources again"
        return self._judge(part, find_inventory_fault(path), loss)

    def _simulated_stacks(self, engine: str) -> list[str]:
        """The deployed stacks of an engine that are in a simulated cloud, as far as the ledger can be read."""
        from semantest_iac.application.queries.history import find_owning_engine

        found = [stack for stack, its in self._engines().items() if its == engine]
        try:
            choices = {stack: find_owning_engine(self._ledger, stack) for stack in found}
        except DeploymentError:
            return found if engine == SANDBOX_ENGINE else []
        return [stack for stack, choice in choices.items() if choice is None or choice.is_simulated]

    def _engines(self) -> Mapping[str, str]:
        """The engine of each stack by the ledger; as noted in the home where the ledger cannot be read."""
        from semantest_iac.application.queries.history import find_owning_engine

        try:
            owners = {
                row.stack: find_owning_engine(self._ledger, row.stack) for row in self._ledger.stacks() if row.owner
            }
            return {stack: choice.engine for stack, choice in owners.items() if choice}
        except DeploymentError:
            return self._read_noted().stacks

    def _sandbox_stacks(self) -> list[Stack]:
        noted = [stack for stack, engine in self._engines().items() if engine == SANDBOX_ENGINE]
        stored = [path.stem for path in (self._home / "sandbox").glob("*.*.*.json")]
        return [Stack.parse(name) for name in sorted({*noted, *stored})]

    def _inspect_key(self, store: StateStore) -> Iterator[HomePart]:
        """The first faulty file has the repair of all: what can be derived again is, else there is a new key."""
        faults = store.find_faulty_key_files()
        repair = PartRepair("Derive the key again from its passphrase.", partial(self._move_key_files, tuple(faults)))
        if not faults.keys() <= {"key", "proof"}:
            repair = PartRepair("Encrypt the states with a new key.", self._renew_key)
        for number, (name, fault) in enumerate(faults.items()):
            status: PartStatus = "missing" if fault == "it is missing" else "damaged"
            yield HomePart(f"sandbox/{name}", status, fault, REPAIR_COMMAND, None if number else repair)

    def _move_key_files(self, names: Collection[str]) -> str:
        for name in names:
            if (self._home / "sandbox" / name).exists():
                move_to_backup(self._home, self._home / "sandbox" / name)
        return "The key is derived again when it is needed."

    def _renew_key(self) -> str:
        """Encrypt every state with a new key; one that the old key does not open is rebuilt from the cloud."""
        from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import rebuild_state
        from semantest_iac.infrastructure.sandbox_engine.state.store import KEY_FILES, StateStore

        old, states = StateStore(self._home / "sandbox"), {}
        for stack in self._sandbox_stacks():
            try:
                states[stack] = list(old.read_snapshot(stack))
            except (ProviderError, OSError):
                states[stack] = rebuild_state(stack, self._find_sandbox_cloud())
        self._move_key_files(KEY_FILES)
        for stack, resources in states.items():
            self._move_state(stack)
            StateStore(self._home / "sandbox").save(stack, resources)
        return f"The states of {len(states)} stacks are encrypted with a new key."

    def _inspect_state(self, store: StateStore, stack: Stack) -> HomePart:
        from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import (
            count_resources_of_stack,
            has_unmarked_resources,
            state_missing_error,
        )

        part, find_cloud = f"sandbox/{stack}.json", self._find_sandbox_cloud()
        try:
            found = count_resources_of_stack(stack, find_cloud)
            if not store.has_state(stack):
                if not found:
                    command = f"semantest-iac deploy {format_stack_options(stack)}"
                    return HomePart(part, "missing", "the simulated cloud has nothing of the stack either", command)
                raise state_missing_error(stack, found)
            store.read(stack)
        except (ProviderError, OSError) as error:
            storage = as_storage_error(error)
            if storage and not (self._home / part).is_dir():
                return HomePart(part, "unreadable", storage.message, f"chmod u+rw '{self._home / part}'")
            message = storage.message if storage else str(error)
            code = getattr(error, "error_code", "")
            if has_unmarked_resources(stack, find_cloud):
                cause = f"{message} An earlier version made the resources, and left no marks to rebuild it from."
                return HomePart(part, _STATUS_OF_CODE.get(code, "damaged"), cause, self._begin_anew_command(stack))
            intent = f"Rebuild the state of '{stack}' from the {found} resources in the simulated cloud."
            repair = PartRepair(intent, partial(self._rebuild_state, store, stack))
            return HomePart(part, _STATUS_OF_CODE.get(code, "damaged"), message, REPAIR_COMMAND, repair)
        return HomePart(part)

    def _begin_anew_command(self, stack: Stack) -> str:
        paths = [self._home / _CLOUDS[SANDBOX_ENGINE], self._home / "sandbox" / f"{stack}.json"]
        moves = [f"mv '{path}' '{path}.old'" for path in paths if path.exists()]
        command = " && ".join([*moves, f"semantest-iac deploy {format_stack_options(stack)}"])
        return f"Put back a copy of the file. Without one: {command}"

    def _find_sandbox_cloud(self) -> Callable[[str, str], SimulatedCloud]:
        from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

        return cloud_factory(self._home / _CLOUDS[SANDBOX_ENGINE])

    def _rebuild_state(self, store: StateStore, stack: Stack) -> str:
        from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import rebuild_state

        self._move_state(stack)
        states = rebuild_state(stack, self._find_sandbox_cloud())
        store.save(stack, states)
        return f"The state of '{stack}' has {len(states)} resources; the next deployment adds what only it knows."

    def _move_state(self, stack: Stack) -> None:
        """Move the state of a stack and its journal away, as far as they are there."""
        for suffix in ("json", "journal"):
            path = self._home / "sandbox" / f"{stack}.{suffix}"
            if path.exists():
                move_to_backup(self._home, path)


def _with_sqlite_files(path: Path) -> Sequence[Path]:
    return [each for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))) if each.exists()]
