"""Providers of keys for a state, with the real CLI: a passphrase, a new one, AWS KMS of moto, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pulumi_engine.state.states import read_state_file, state_name
from tests.object_stores import ObjectStoreServer, run_s3, secret_key
from tests.unit.pulumi_engine.stored_states import NEW, OLD, SECRET, STACK, build_checkpoint, open_home, read_secrets


@pytest.fixture
def account(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStoreServer]:
    """S3 and KMS of one account; skips the test without a CLI."""
    with run_s3() as server:
        server.create_bucket("state")
        for name, value in {**server.variables, server.key_variable: secret_key(server)}.items():
            monkeypatch.setenv(name, value)
        yield server


def _create_key(server: ObjectStoreServer) -> str:
    import boto3

    key = boto3.client("kms", endpoint_url=server.endpoint, region_name="us-east-1").create_key()
    return f"awskms://{key['KeyMetadata']['KeyId']}?region=us-east-1&awssdk=v2"


class TestProvidersOfKeys:
    def test_follow_each_other_without_losing_a_secret(self, tmp_path: Path, account: ObjectStoreServer) -> None:
        application, key = Application(tmp_path / "home"), _create_key(account)
        states = open_home(tmp_path / "home" / "pulumi")
        options = f"region=us-east-1&endpoint={urlparse(account.endpoint).netloc}&disableSSL=true&s3ForcePathStyle=true"
        file = tmp_path / "new"
        file.write_text(NEW)
        states.rotate_passphrase(file)

        shared = application.other_states(os.environ, states, f"s3://state/iac?{options}", key, None)
        states.move(STACK, shared, application.change_secrets_provider, key)
        encrypted = read_state_file(shared.files, STACK)
        home = application.other_states(os.environ, shared, "home", "passphrase", None)
        shared.move(STACK, home, application.change_secrets_provider, "passphrase")

        assert encrypted is not None
        assert encrypted.secrets_provider["state"]["url"] == key
        assert (shared.list_stacks(), home.list_stacks()) == ([], [STACK])
        assert read_secrets(home, STACK, NEW) == [SECRET]
        kept = [(home, it) for it in home.list_backups(STACK)] + [(shared, it) for it in shared.list_backups(STACK)]
        assert not any(SECRET.encode() in (place.files.read(it.file) or b"") for place, it in kept)

    def test_are_left_as_they_are_where_a_passphrase_is_wrong(self, tmp_path: Path, account: ObjectStoreServer) -> None:
        application, key = Application(tmp_path / "home"), _create_key(account)
        states = open_home(tmp_path / "home" / "pulumi", NEW)
        content = build_checkpoint(STACK, OLD)
        states.files.write(state_name(STACK), content)

        with pytest.raises(DeploymentError) as refused:
            states.move(STACK, states, application.change_secrets_provider, key)

        assert refused.value.error_code == "STATE_SEALED"
        assert states.files.read(state_name(STACK)) == content
        assert states.list_locks(STACK) == []
