"""Encrypts the secrets of states in Pulumi's own form, with a key from a passphrase.

Source: pulumi/pulumi, `pkg/secrets/passphrase` and `sdk/go/common/resource/config/crypt.go`: PBKDF2 over the
passphrase (SHA-256, 1,000,000 rounds, 32 bytes), then AES-256-GCM as `v1:<nonce>:<ciphertext>`. The salt in a state is
`v1:<salt>:<a known text, encrypted>`.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Final

PROOF_TEXT: Final = b"pulumi"
"""The known text, whose encryption proves a key to whoever has it."""
SALT_BYTES: Final = 8
_KEY_ROUNDS, _KEY_BYTES, _NONCE_BYTES = 1_000_000, 32, 12


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """Return the key of a passphrase, which takes a third of a second."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _KEY_ROUNDS, _KEY_BYTES)


class StateCipher:
    """Encrypts and decrypts with one key; raises ValueError for a key of another length."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def encrypt(self, content: bytes) -> str:
        """Encrypt a text; the same text never gives the same result twice."""
        nonce = os.urandom(_NONCE_BYTES)
        body = self._cipher.encrypt(nonce, content, None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(body).decode()}"

    def decrypt(self, ciphertext: str) -> bytes:
        """Decrypt a text; raises ValueError if it was encrypted with another key, or is no ciphertext."""
        from cryptography.exceptions import InvalidTag

        _, nonce, body = ciphertext.split(":")
        try:
            content: bytes = self._cipher.decrypt(base64.b64decode(nonce), base64.b64decode(body), None)
        except InvalidTag as error:
            raise ValueError("a secret in the state was encrypted with another passphrase") from error
        return content

    def opens(self, proof: str) -> bool:
        """Whether the known text was encrypted with this key."""
        try:
            return self.decrypt(proof) == PROOF_TEXT
        except ValueError:
            return False
