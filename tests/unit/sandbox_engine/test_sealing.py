"""Secrets at rest."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from semantest_iac.infrastructure.sandbox_engine.state.store import PassphraseCipher


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: making a key takes a third of a second."""
    return tmp_path_factory.mktemp("sealed")


class TestSealer:
    def test_opens_what_it_sealed_and_shows_nothing(self, folder: Path) -> None:
        sealed = PassphraseCipher(folder).seal({"hush": ["é", 1, None]})

        assert PassphraseCipher(folder).unseal(sealed) == {"hush": ["é", 1, None]}
        assert "hush" not in sealed

    def test_seals_the_same_value_differently_each_time(self, folder: Path) -> None:
        sealer = PassphraseCipher(folder)

        assert sealer.seal("a") != sealer.seal("a")

    def test_refuses_what_was_changed(self, folder: Path) -> None:
        version, nonce, body = PassphraseCipher(folder).seal("a").split(":")
        changed = base64.b64encode(b"\0" * 17).decode()

        with pytest.raises(ValueError, match="another passphrase"):
            PassphraseCipher(folder).unseal(":".join((version, nonce, changed)))
        assert body != changed

    def test_uses_the_form_of_pulumi_s_passphrase_provider(self, folder: Path) -> None:
        sealer = PassphraseCipher(folder)
        text = sealer.seal("hush")

        version, salt, *proof = sealer.provider["state"]["salt"].split(":")
        passphrase = (folder / "passphrase").read_bytes()
        key = hashlib.pbkdf2_hmac("sha256", passphrase, base64.b64decode(salt), 1_000_000, 32)

        def opened(parts: list[str]) -> bytes:
            return AESGCM(key).decrypt(base64.b64decode(parts[1]), base64.b64decode(parts[2]), None)

        assert (sealer.provider["type"], version, proof[0]) == ("passphrase", "v1", "v1")
        assert opened(proof) == b"pulumi"
        assert json.loads(opened(text.split(":"))) == "hush"

    def test_gives_the_same_proof_each_time(self, folder: Path) -> None:
        PassphraseCipher(folder).seal("a")

        assert PassphraseCipher(folder).provider == PassphraseCipher(folder).provider

    def test_makes_no_key_before_there_is_a_secret(self, tmp_path: Path) -> None:
        assert PassphraseCipher(tmp_path / "none").provider == {}
        assert not (tmp_path / "none").exists()

    def test_keeps_its_files_to_itself(self, folder: Path) -> None:
        PassphraseCipher(folder).seal("a")

        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
