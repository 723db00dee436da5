"""Stores the states of stacks, one file each in Pulumi's deployment format, with encrypted secrets."""

from __future__ import annotations

import base64
import json
import os
import secrets
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.durable_files import ensure_private_file, remove_file, replace_file
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.sandbox_engine.state import journal
from semantest_iac.infrastructure.sandbox_engine.state.aliases import with_current_urns
from semantest_iac.infrastructure.sandbox_engine.state.journal import Journal, UnfinishedOperation
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import (
    ResourceState,
    Snapshot,
    dump_resource,
    load_resource,
    order_by_dependencies,
)
from semantest_iac.infrastructure.secret_ciphers.state_cipher import PROOF_TEXT, SALT_BYTES, StateCipher, derive_key

KEY_FILES = ("passphrase", "salt", "key", "proof")


class PassphraseCipher:
    """Encrypts values with a passphrase beside the state, created when first needed.

    The derived key is stored too: deriving it takes a third of a second, longer than most deployments.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def secrets_provider(self) -> dict[str, Any]:
        """The `secrets_providers` entry of a state file; empty while nothing was ever encrypted."""
        if not (self._folder / "salt").exists():
            return {}
        proof = self._read_or_create("proof", lambda: self._cipher.encrypt(PROOF_TEXT))
        return {"type": "passphrase", "state": {"salt": f"{self._salt}:{proof}"}}

    def encrypt(self, value: Any) -> str:
        """Encrypt a JSON value; the same value never gives the same text twice."""
        return self._cipher.encrypt(json.dumps(value).encode())

    def decrypt(self, ciphertext: str) -> Any:
        """Decrypt to a JSON value; raises ValueError if it was encrypted with another key."""
        return json.loads(self._cipher.decrypt(ciphertext))

    def find_faulty_files(self) -> dict[str, str]:
        """Return what is wrong with each file of the key, by its name; derives the key, which takes a while."""
        texts, faults = {}, {}
        for name in KEY_FILES:
            try:
                texts[name] = (self._folder / name).read_text("ascii")
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                faults[name] = "it cannot be read"
        if not texts.keys() & {"key", "proof"}:
            return faults
        derived = ""
        if {"passphrase", "salt"} <= texts.keys():
            with suppress(ValueError):
                derived = _derive_key(texts["passphrase"], texts["salt"])
        proof = texts.get("proof", "")
        opened_by = {
            name for name, key in (("key", texts.get("key", "")), ("passphrase", derived)) if _opens(key, proof)
        }
        if derived and derived == texts.get("key"):
            return faults if opened_by or "proof" not in texts else faults | {"proof": "it was not made with the key"}
        return _judge_key_files(texts, opened_by) | faults

    @cached_property
    def _cipher(self) -> StateCipher:
        return StateCipher(base64.b64decode(self._read_or_create("key", self._derive)))

    def _derive(self) -> str:
        return _derive_key(self._passphrase, self._salt)

    @cached_property
    def _salt(self) -> str:
        return self._read_or_create("salt", lambda: f"v1:{_base64_text(os.urandom(SALT_BYTES))}")

    @cached_property
    def _passphrase(self) -> str:
        return self._read_or_create("passphrase", lambda: secrets.token_urlsafe(32))

    def _read_or_create(self, name: str, make: Callable[[], str]) -> str:
        """Return the content of a file, created if missing."""
        return ensure_private_file(self._folder / name, make).read_text()


def _derive_key(passphrase: str, salt: str) -> str:
    """Raises ValueError for a salt of another form."""
    raw = base64.b64decode(salt.removeprefix("v1:"), validate=True)
    return _base64_text(derive_key(passphrase, raw))


def _opens(key: str, proof: str) -> bool:
    """Whether the proof was encrypted with the key."""
    try:
        return StateCipher(base64.b64decode(key, validate=True)).opens(proof)
    except ValueError:
        return False


def _judge_key_files(present: Collection[str], opened_by: Collection[str]) -> dict[str, str]:
    """Return the files that are at fault where the passphrase does not give the key that is there.

    A key or a proof that is missing is made again from the passphrase; a missing passphrase or salt is not.
    """
    lost = {name: "it is missing" for name in ("passphrase", "salt") if name not in present}
    if "proof" not in present and "key" in present:
        return lost or dict.fromkeys(("passphrase", "salt"), "passphrase and salt do not give the key")
    if "passphrase" in opened_by:
        return {"key": "it does not belong to its passphrase"} if "key" in present else {}
    if "key" in opened_by:
        return lost or dict.fromkeys(("passphrase", "salt"), "passphrase and salt do not give the key")
    present_files = [name for name in KEY_FILES if name in present]
    return lost | dict.fromkeys(present_files, "the files of the key do not belong together")


def _base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# Pulumi refuses a state whose magic is not the hash of the engine version that it names. The time is Go's zero
# value, so that saving an unchanged state gives the same file.
_ENGINE_VERSION = "v3.250.0"
_MANIFEST = {
    "time": "0001-01-01T00:00:00Z",
    "magic": sha256(_ENGINE_VERSION.encode()).hexdigest(),
    "version": _ENGINE_VERSION,
}
_CHECKSUM = "checksum"
_PENDING_TYPES = {"create": "creating", "update": "updating", "delete": "deleting"}


@dataclass(frozen=True, slots=True)
class StoredState:
    """The stored resources of a stack, and the operations that a killed run did not end."""

    snapshot: Snapshot
    unfinished: tuple[UnfinishedOperation, ...] = ()
    was_interrupted: bool = False


class StateStore:
    """States and journals in one folder; the caller ensures one writer per stack."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cipher = PassphraseCipher(folder)

    def find_faulty_key_files(self) -> dict[str, str]:
        """Return what is wrong with each file of the key to the secrets in the states, by its name."""
        return self._cipher.find_faulty_files()

    def open_journal(self, stack: Stack) -> Journal:
        """Return the journal for a new run."""
        return Journal(self._path(stack, "journal"), self._cipher.encrypt)

    def read(self, stack: Stack) -> StoredState:
        """Return the state with the journal of a killed run applied; raises ProviderError if a file is damaged."""
        with _report_damage(stack, self._path(stack, "json")):
            snapshot = Snapshot(self._resources(stack))
        with _report_damage(stack, self._path(stack, "journal")):
            return self._replay_journal(stack, snapshot)

    def has_state(self, stack: Stack) -> bool:
        """Whether there is a state of the stack, or the journal of a first run."""
        return self._path(stack, "json").exists() or self._path(stack, "journal").exists()

    def read_snapshot(self, stack: Stack) -> Snapshot:
        return self.read(stack).snapshot

    def save(self, stack: Stack, resources: Iterable[ResourceState]) -> None:
        """Replace the state file atomically and durably, then delete the journal, whose changes it contains."""
        content = self.dump_deployment(resources)
        text = json.dumps({**content, _CHECKSUM: _state_checksum(content)})
        replace_file(self._path(stack, "json"), text)
        remove_file(self._path(stack, "journal"))

    def dump_deployment(
        self, resources: Iterable[ResourceState], unfinished: Iterable[UnfinishedOperation] = ()
    ) -> dict[str, Any]:
        """Return the content of a state file, as `pulumi stack import` reads it, with encrypted secrets."""
        encrypt = self._cipher.encrypt
        dumped = [dump_resource(state, encrypt) for state in with_current_urns(resources)]
        pending = [
            {"resource": dump_resource(operation.resource, encrypt), "type": _PENDING_TYPES[operation.op]}
            for operation in unfinished
        ]
        optional = {
            "secrets_providers": self._cipher.secrets_provider,
            "resources": dumped,
            "pending_operations": pending,
        }
        filled = {name: value for name, value in optional.items() if value}
        return {"version": 3, "deployment": {"manifest": _MANIFEST, **filled}}

    def _resources(self, stack: Stack) -> list[ResourceState]:
        path = self._path(stack, "json")
        if not path.exists():
            return []
        content = parse_json(path.read_text())
        if _CHECKSUM in content and content.pop(_CHECKSUM) != _state_checksum(content):
            raise ValueError("the content is not as it was written")
        if content.keys() - {"version", "deployment"}:
            raise ValueError("the content has an unknown part")
        stored = content["deployment"].get("resources", [])
        return [load_resource(raw, self._cipher.decrypt) for raw in stored]

    def _replay_journal(self, stack: Stack, snapshot: Snapshot) -> StoredState:
        unfinished: dict[str, UnfinishedOperation] = {}
        path = self._path(stack, "journal")
        for row in journal.read_journal(path, self._cipher.decrypt):
            if isinstance(row, UnfinishedOperation):
                unfinished[row.owner] = row
            else:
                unfinished.pop(row[0], None)
                snapshot.apply(row[1])
        return StoredState(Snapshot(order_by_dependencies(snapshot)), tuple(unfinished.values()), path.exists())

    def _path(self, stack: Stack, suffix: str) -> Path:
        return self._folder / f"{stack}.{suffix}"


def _state_checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content).encode())


@contextmanager
def _report_damage(stack: Stack, path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"Cannot read the state of '{stack}': the file {path.name} is damaged.",
            "STATE_DAMAGED",
            provider=stack.provider,
            hint="Run `semantest-iac repair`, which rebuilds it from the simulated cloud, or put back a copy.",
        ) from error
