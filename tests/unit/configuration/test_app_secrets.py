"""The secrets of the tool itself: from the environment and `.env`, shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semantest_iac.infrastructure.configuration.app_secrets import AppSecrets, export_secrets, get_secrets

_VALUE = "s3cret-of-the-state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [f"PULUMI_CONFIG_PASSPHRASE={_VALUE}", "AZURE_STORAGE_ACCOUNT=statestore", "ARM_CLIENT_ID=file", "OTHER=1"]
    (tmp_path / ".env").write_text("\n".join(lines))
    return tmp_path


class TestGetSecrets:
    def test_reads_the_file_and_prefers_the_environment(self, folder: Path) -> None:
        secrets = get_secrets(folder, {"ARM_CLIENT_ID": "environment", "ARM_CLIENT_SECRET": "other"})

        assert secrets.pulumi_config_passphrase and secrets.pulumi_config_passphrase.get_secret_value() == _VALUE
        assert (secrets.azure_storage_account, secrets.arm_client_id) == ("statestore", "environment")
        assert secrets.reveal_variables() == {
            "PULUMI_CONFIG_PASSPHRASE": _VALUE,
            "AZURE_STORAGE_ACCOUNT": "statestore",
            "ARM_CLIENT_ID": "environment",
            "ARM_CLIENT_SECRET": "other",
        }

    def test_is_empty_without_any(self, tmp_path: Path) -> None:
        assert get_secrets(tmp_path, {}) == AppSecrets()
        assert get_secrets(tmp_path, {}).reveal_variables() == {}

    def test_shows_no_value(self, folder: Path) -> None:
        secrets = get_secrets(folder, {})

        shown = [repr(secrets), str(secrets), json.dumps(secrets.model_dump(mode="json")), secrets.model_dump_json()]
        assert not any(_VALUE in text for text in shown)
        assert "statestore" in shown[0]


class TestExport:
    def test_sets_only_what_is_missing(self, folder: Path) -> None:
        environment = {"ARM_CLIENT_ID": "before"}

        export_secrets(get_secrets(folder, {}), environment)

        assert environment == {
            "ARM_CLIENT_ID": "before",
            "PULUMI_CONFIG_PASSPHRASE": _VALUE,
            "AZURE_STORAGE_ACCOUNT": "statestore",
        }
