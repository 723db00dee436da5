"""Encrypts the secrets of a state with another passphrase."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState, map_ciphertexts
from semantest_iac.infrastructure.secret_ciphers.state_cipher import PROOF_TEXT, SALT_BYTES, StateCipher, derive_key

_derive_key = cache(derive_key)  # states of one backend share their salt


class PassphraseKey(StateCipher):
    """A key from a passphrase and the salt of a state; `salt` proves the passphrase to whoever has it."""

    def __init__(self, passphrase: str, salt: str | None = None) -> None:
        raw = os.urandom(SALT_BYTES) if salt is None else base64.b64decode(salt.split(":")[1])
        super().__init__(_derive_key(passphrase, raw))
        self.salt = salt or f"v1:{base64.b64encode(raw).decode()}:{self.encrypt(PROOF_TEXT)}"

    @property
    def is_right(self) -> bool:
        """Whether the passphrase is that of the salt."""
        return self.opens(self.salt.split(":", 2)[2])


def read_salt(state: StackState) -> str | None:
    """Return the salt of a state whose secrets a passphrase encrypts; None for another provider, or none."""
    provider = state.secrets_provider
    salt = (provider.get("state") or {}).get("salt")
    return str(salt) if provider.get("type") == "passphrase" and salt else None


def open_state_key(state: StackState, passphrase: str) -> PassphraseKey | None:
    """Return the key of a state; None where the passphrase is not that of the state, or it has no passphrase."""
    salt = read_salt(state)
    if salt is None:
        return None
    try:
        key = PassphraseKey(passphrase, salt)
    except (ValueError, IndexError):
        return None
    return key if key.is_right else None


def encrypt_with_passphrase(state: StackState, old: PassphraseKey, new: PassphraseKey, stack: str) -> Mapping[str, Any]:
    """Return the deployment with each secret encrypted anew, compared with the old one; raises RefusedError."""

    def change(ciphertext: str) -> str:
        return new.encrypt(old.decrypt(ciphertext))

    try:
        changed = map_ciphertexts(state.deployment, change)
        provider = {"type": "passphrase", "state": {**state.secrets_provider["state"], "salt": new.salt}}
        result = {**changed, "secrets_providers": provider}
        if _reveal(result, new.decrypt) != _reveal(state.deployment, old.decrypt):
            raise ValueError("a secret changed")
    except (ValueError, KeyError) as error:
        raise RefusedError(
            f"Cannot encrypt the state of '{stack}' anew: a secret of it is not encrypted with the state's own key.",
            "STATE_SEALED",
            hint=f"Nothing was changed. Go back to a backup: semantest-iac state restore {stack}",
        ) from error
    return result


def _reveal(deployment: Mapping[str, Any], decrypt: Callable[[str], bytes]) -> Any:
    shown = map_ciphertexts(deployment, lambda ciphertext: decrypt(ciphertext).decode())
    return {key: value for key, value in shown.items() if key != "secrets_providers"}
