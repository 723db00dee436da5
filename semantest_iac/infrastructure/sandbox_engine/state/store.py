"""Stores the states of stacks, one file each in Pulumi's deployment format, with encrypted secrets.

Source of the cipher: pulumi/pulumi, `pkg/secrets/passphrase` and `sdk/go/common/resource/config/crypt.go`: PBKDF2
over the passphrase (SHA-256, 1,000,000 rounds, 32 bytes), then AES-256-GCM as `v1:<nonce>:<ciphertext>`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
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

_KEY_ROUNDS = 1_000_000
_PROOF_TEXT = "pulumi"
_OWNER_ONLY = 0o600


class PassphraseCipher:
    """Seals and opens values with a passphrase kept beside the state, made at first need.

    The derived key is kept too: deriving it takes a third of a second, longer than most deployments.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def provider(self) -> dict[str, Any]:
        """The `secrets_providers` entry of a state file; empty as long as nothing was ever sealed."""
        if not (self._folder / "salt").exists():
            return {}
        proof = self._kept("proof", lambda: self._encrypt(_PROOF_TEXT))
        return {"type": "passphrase", "state": {"salt": f"{self._salt}:{proof}"}}

    def seal(self, value: Any) -> str:
        """The ciphertext of a JSON value; the same value never seals to the same text twice."""
        return self._encrypt(json.dumps(value))

    def unseal(self, ciphertext: str) -> Any:
        """The JSON value; raises ValueError when it was sealed with another key."""
        from cryptography.exceptions import InvalidTag

        _, nonce, body = ciphertext.split(":")
        try:
            return json.loads(self._cipher.decrypt(base64.b64decode(nonce), base64.b64decode(body), None))
        except InvalidTag as error:
            raise ValueError("a secret in the state was sealed with another passphrase") from error

    def _encrypt(self, text: str) -> str:
        nonce = os.urandom(12)
        body = self._cipher.encrypt(nonce, text.encode(), None)
        return f"v1:{_base64_text(nonce)}:{_base64_text(body)}"

    @cached_property
    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(base64.b64decode(self._kept("key", self._derive)))

    def _derive(self) -> str:
        salt = base64.b64decode(self._salt.removeprefix("v1:"))
        return _base64_text(hashlib.pbkdf2_hmac("sha256", self._passphrase.encode(), salt, _KEY_ROUNDS, 32))

    @cached_property
    def _salt(self) -> str:
        return self._kept("salt", lambda: f"v1:{_base64_text(os.urandom(8))}")

    @cached_property
    def _passphrase(self) -> str:
        return self._kept("passphrase", lambda: secrets.token_urlsafe(32))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """The content of a file of ours; of two processes that make it at once, one wins for both."""
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self._folder / f".{name}.{secrets.token_hex(8)}"
            draft.touch(_OWNER_ONLY)
            draft.write_text(make())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text()


def _base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# Pulumi refuses a state whose magic is not the hash of the version of the engine that it names. The time is
# Go's zero: a state that nothing has changed is the same file.
_ENGINE_VERSION = "v3.250.0"
_MANIFEST = {
    "time": "0001-01-01T00:00:00Z",
    "magic": sha256(_ENGINE_VERSION.encode()).hexdigest(),
    "version": _ENGINE_VERSION,
}
_PENDING_TYPES = {"create": "creating", "update": "updating", "delete": "deleting"}


@dataclass(frozen=True, slots=True)
class StoredState:
    """What is on file of a stack: its resources, and the operations that a killed run did not end."""

    snapshot: Snapshot
    begun: tuple[UnfinishedOperation, ...] = ()
    cut_short: bool = False


class StateStore:
    """States and journals under one folder; the caller sees to it that a stack has one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sealer = PassphraseCipher(folder)

    def journal(self, stack: Stack) -> Journal:
        """The journal for a run about to begin."""
        return Journal(self._path(stack, "journal"), self._sealer.seal)

    def remembered(self, stack: Stack) -> StoredState:
        """The state, with all that the journal of a killed run adds; raises ProviderError for a damaged file."""
        with _report_damage(stack, self._path(stack, "json")):
            snapshot = Snapshot(self._resources(stack))
        with _report_damage(stack, self._path(stack, "journal")):
            return self._replayed(stack, snapshot)

    def snapshot(self, stack: Stack) -> Snapshot:
        """The resources alone."""
        return self.remembered(stack).snapshot

    def save(self, stack: Stack, resources: Iterable[ResourceState]) -> None:
        """Replace the state file at once and for good; a journal, its sum being in there now, is gone afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(stack, "json")
        draft = path.with_suffix(".draft")
        text = json.dumps(self.deployment(resources))
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        self._path(stack, "journal").unlink(missing_ok=True)

    def deployment(
        self, resources: Iterable[ResourceState], begun: Iterable[UnfinishedOperation] = ()
    ) -> dict[str, Any]:
        """The content of a state file: what `pulumi stack import` reads, secrets sealed."""
        seal = self._sealer.seal
        dumped = [dump_resource(state, seal) for state in with_current_urns(resources)]
        pending = [
            {"resource": dump_resource(operation.goal, seal), "type": _PENDING_TYPES[operation.op]}
            for operation in begun
        ]
        optional = {"secrets_providers": self._sealer.provider, "resources": dumped, "pending_operations": pending}
        filled = {name: value for name, value in optional.items() if value}
        return {"version": 3, "deployment": {"manifest": _MANIFEST, **filled}}

    def _resources(self, stack: Stack) -> list[ResourceState]:
        path = self._path(stack, "json")
        if not path.exists():
            return []
        stored = json.loads(path.read_text())["deployment"].get("resources", [])
        return [load_resource(raw, self._sealer.unseal) for raw in stored]

    def _replayed(self, stack: Stack, snapshot: Snapshot) -> StoredState:
        begun: dict[str, UnfinishedOperation] = {}
        path = self._path(stack, "journal")
        for row in journal.read_journal(path, self._sealer.unseal):
            if isinstance(row, UnfinishedOperation):
                begun[row.owner] = row
            else:
                begun.pop(row[0], None)
                snapshot.apply(row[1])
        return StoredState(Snapshot(order_by_dependencies(snapshot)), tuple(begun.values()), path.exists())

    def _path(self, stack: Stack, suffix: str) -> Path:
        return self._folder / f"{stack}.{suffix}"


@contextmanager
def _report_damage(stack: Stack, path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"Cannot read the state of '{stack}': the file {path.name} is damaged.",
            "STATE_DAMAGED",
            provider=stack.provider,
            hint="Put back a copy of the file, or remove it and deploy under another --home.",
        ) from error
