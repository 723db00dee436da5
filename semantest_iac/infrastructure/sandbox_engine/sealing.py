"""Secrets at rest, in the cipher form of Pulumi's passphrase provider, so that its CLI could open them.

Source of the form: pulumi/pulumi, `pkg/secrets/passphrase` and `sdk/go/common/resource/config/crypt.go`: PBKDF2
over the passphrase (SHA-256, 1,000,000 rounds, 32 bytes), then AES-256-GCM as `v1:<nonce>:<ciphertext>`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

_ROUNDS = 1_000_000
_PROOF = "pulumi"
_FOR_OWNER_ONLY = 0o600


class Sealer:
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
        proof = self._kept("proof", lambda: self._encrypt(_PROOF))
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
        return f"v1:{_text(nonce)}:{_text(body)}"

    @cached_property
    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(base64.b64decode(self._kept("key", self._derive)))

    def _derive(self) -> str:
        salt = base64.b64decode(self._salt.removeprefix("v1:"))
        return _text(hashlib.pbkdf2_hmac("sha256", self._passphrase.encode(), salt, _ROUNDS, 32))

    @cached_property
    def _salt(self) -> str:
        return self._kept("salt", lambda: f"v1:{_text(os.urandom(8))}")

    @cached_property
    def _passphrase(self) -> str:
        return self._kept("passphrase", lambda: secrets.token_urlsafe(32))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """The content of a file of ours; of two processes that make it at once, one wins for both."""
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self._folder / f".{name}.{secrets.token_hex(8)}"
            draft.touch(_FOR_OWNER_ONLY)
            draft.write_text(make())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
