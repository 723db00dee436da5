from __future__ import annotations

import base64
import hashlib
import json
import resource
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import StateChange
from semantest_iac.infrastructure.sandbox_engine.state.store import PassphraseCipher, StateStore
from tests.unit.sandbox_engine.builders import a_state

STACK = Stack("rest-api", "aws", "development", "us-east-1")
_FILE, _JOURNAL = (f"rest-api.aws.development.us-east-1.{suffix}" for suffix in ("json", "journal"))


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path)


class TestStateFile:
    def test_is_read_back(self, store: StateStore) -> None:
        store.save(STACK, [a_state("a"), a_state("b", needs=["a"])])

        assert list(store.read_snapshot(STACK)) == [a_state("a"), a_state("b", needs=["a"])]

    def test_is_empty_before_anything_was_saved(self, store: StateStore, tmp_path: Path) -> None:
        assert list(store.read_snapshot(STACK)) == []
        assert list(tmp_path.iterdir()) == []

    def test_is_the_same_file_for_the_same_resources(self, store: StateStore, tmp_path: Path) -> None:
        store.save(STACK, [a_state("a")])
        before = (tmp_path / _FILE).read_bytes()

        store.save(STACK, store.read_snapshot(STACK))

        assert (tmp_path / _FILE).read_bytes() == before

    def test_is_accessible_to_its_owner_only(self, store: StateStore, tmp_path: Path) -> None:
        store.save(STACK, [])

        assert stat.S_IMODE((tmp_path / _FILE).stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "{}",
            "null",
            "[" * 100_000,
            '{"deployment": null}',
            '{"deployment": {"resources": [{}]}}',
            '{"deployment": 1}',
        ],
    )
    def test_is_refused_if_damaged(self, store: StateStore, tmp_path: Path, text: str) -> None:
        (tmp_path / _FILE).write_text(text)

        with pytest.raises(ProviderError, match=f"the file {_FILE} is damaged") as refusal:
            store.read(STACK)

        assert refusal.value.error_code == "STATE_DAMAGED"
        assert (tmp_path / _FILE).read_text() == text


class TestJournal:
    def test_is_applied_to_the_state(self, store: StateStore) -> None:
        store.save(STACK, [a_state("a"), a_state("b")])
        journal = store.open_journal(STACK)
        owner = journal.begin("create", a_state("c", id=""), StateChange())
        journal.end(owner, StateChange(put=a_state("c")))
        journal.record_local_change(StateChange(drop=a_state("a").key))

        stored = store.read(STACK)

        assert [state.name for state in stored.snapshot] == ["c", "b"]
        assert (stored.unfinished, stored.was_interrupted) == ((), True)

    def test_begins_nothing_that_the_disk_refuses(self, store: StateStore, tmp_path: Path) -> None:
        """Also not where it takes a part of the row, as a file of limited size does."""
        journal = store.open_journal(STACK)
        first = journal.begin("create", a_state("a", id=""), StateChange())
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = (tmp_path / _FILE).with_suffix(".journal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                journal.begin("create", a_state("b", id=""), StateChange())
            with pytest.raises(OSError, match="too large"):
                journal.end(first, StateChange(put=a_state("a")))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert [each.owner for each in journal.unfinished] == [first]
        assert [each.owner for each in store.read(STACK).unfinished] == [first]

    def test_reports_operations_without_an_end(self, store: StateStore) -> None:
        after = StateChange(drop=a_state("a").key)
        owner = store.open_journal(STACK).begin("delete", a_state("a"), after)

        [operation] = store.read(STACK).unfinished

        assert (operation.op, operation.owner, operation.resource, operation.after) == (
            "delete",
            owner,
            a_state("a"),
            after,
        )

    def test_ignores_a_line_that_was_cut_off(self, store: StateStore, tmp_path: Path) -> None:
        store.open_journal(STACK).record_local_change(StateChange(put=a_state("a")))
        with (tmp_path / _JOURNAL).open("a") as file:
            file.write('{"end": "x", "put": {"urn"')

        assert [state.name for state in store.read_snapshot(STACK)] == ["a"]

    def test_is_refused_if_damaged(self, store: StateStore, tmp_path: Path) -> None:
        (tmp_path / _JOURNAL).write_text("not a row\n")

        with pytest.raises(ProviderError, match=f"the file {_JOURNAL} is damaged"):
            store.read(STACK)

    def test_is_deleted_when_the_state_is_saved(self, store: StateStore, tmp_path: Path) -> None:
        store.open_journal(STACK).record_local_change(StateChange(put=a_state("a")))

        store.save(STACK, store.read_snapshot(STACK))

        assert [path.name for path in tmp_path.iterdir()] == [_FILE]

    @pytest.mark.parametrize("times", [1, 2])
    def test_can_be_applied_to_a_state_that_contains_it_already(self, store: StateStore, times: int) -> None:
        old, new = a_state("a", id="1"), a_state("a", id="2")
        store.save(STACK, [old] if times == 1 else [new])
        journal = store.open_journal(STACK)
        replaced = replace(old, delete=True)
        journal.record_local_change(StateChange(put=new, mark=replaced))
        journal.record_local_change(StateChange(drop=replaced.key))

        assert list(store.read_snapshot(STACK)) == [new]


class TestExport:
    def test_contains_unfinished_operations(self, store: StateStore) -> None:
        store.open_journal(STACK).begin("create", a_state("a", id=""), StateChange())
        stored = store.read(STACK)

        deployment = store.dump_deployment(stored.snapshot, stored.unfinished)["deployment"]

        [pending] = deployment["pending_operations"]
        assert (pending["type"], pending["resource"]["urn"]) == ("creating", a_state("a").urn)
        assert json.dumps(deployment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests: deriving a key takes a third of a second."""
    return tmp_path_factory.mktemp("encrypted")


class TestPassphraseCipher:
    def test_decrypts_what_it_encrypted_and_reveals_nothing(self, folder: Path) -> None:
        encrypted = PassphraseCipher(folder).encrypt({"hush": ["é", 1, None]})

        assert PassphraseCipher(folder).decrypt(encrypted) == {"hush": ["é", 1, None]}
        assert "hush" not in encrypted

    def test_encrypts_the_same_value_differently_each_time(self, folder: Path) -> None:
        cipher = PassphraseCipher(folder)

        assert cipher.encrypt("a") != cipher.encrypt("a")

    def test_refuses_a_changed_text(self, folder: Path) -> None:
        version, nonce, body = PassphraseCipher(folder).encrypt("a").split(":")
        changed = base64.b64encode(b"\0" * 17).decode()

        with pytest.raises(ValueError, match="another passphrase"):
            PassphraseCipher(folder).decrypt(":".join((version, nonce, changed)))
        assert body != changed

    def test_uses_the_form_of_pulumi_s_passphrase_provider(self, folder: Path) -> None:
        cipher = PassphraseCipher(folder)
        text = cipher.encrypt("hush")

        version, salt, *proof = cipher.secrets_provider["state"]["salt"].split(":")
        passphrase = (folder / "passphrase").read_bytes()
        key = hashlib.pbkdf2_hmac("sha256", passphrase, base64.b64decode(salt), 1_000_000, 32)

        def opened(parts: list[str]) -> bytes:
            return AESGCM(key).decrypt(base64.b64decode(parts[1]), base64.b64decode(parts[2]), None)

        assert (cipher.secrets_provider["type"], version, proof[0]) == ("passphrase", "v1", "v1")
        assert opened(proof) == b"pulumi"
        assert json.loads(opened(text.split(":"))) == "hush"

    def test_gives_the_same_proof_each_time(self, folder: Path) -> None:
        PassphraseCipher(folder).encrypt("a")

        assert PassphraseCipher(folder).secrets_provider == PassphraseCipher(folder).secrets_provider

    def test_creates_no_key_before_the_first_secret(self, tmp_path: Path) -> None:
        assert PassphraseCipher(tmp_path / "none").secrets_provider == {}
        assert not (tmp_path / "none").exists()

    def test_gives_nobody_else_access_to_its_files(self, folder: Path) -> None:
        PassphraseCipher(folder).encrypt("a")

        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
