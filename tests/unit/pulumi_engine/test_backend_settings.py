"""Where the state of real clouds is: in the home, or in the object store that variables name."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import (
    PASSPHRASE_VARIABLE,
    STATE_PASSPHRASE_VARIABLE,
    STATE_URL_VARIABLE,
    read_backend_settings,
)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text("a passphrase of the tests", encoding="utf-8")
    return file


class TestReadBackendSettings:
    def test_keeps_the_state_in_the_folder(self, tmp_path: Path) -> None:
        settings = read_backend_settings(tmp_path / "pulumi", {})

        assert settings.file_backend == tmp_path / "pulumi" / "state" / ".pulumi"

    @pytest.mark.parametrize("url", ["s3://bucket/prefix?region=us-east-1", "azblob://container"])
    def test_shares_the_state_of_an_object_store(self, tmp_path: Path, passphrase: Path, url: str) -> None:
        settings = read_backend_settings(
            tmp_path, {STATE_URL_VARIABLE: url, STATE_PASSPHRASE_VARIABLE: str(passphrase)}
        )

        assert settings.file_backend is None
        assert settings.variables == {"PULUMI_BACKEND_URL": url, "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("", "is not set, and SEMANTEST_STATE_PASSPHRASE_FILE is"),
            ("https://example.com", "is that of Pulumi Cloud, and PULUMI_ACCESS_TOKEN is not set"),
            ("ftp://example.com", "is no URL of an object store, a folder or Pulumi Cloud"),
            ("file://folder", "names a folder that is not absolute"),
            ("s3://", "is no URL of an object store, a folder or Pulumi Cloud"),
            ("s3://[", "is no URL"),
            ("s3://key:canary-5ecre7@bucket", "holds credentials, which would be shown with it"),
        ],
        ids=["none", "no token", "another scheme", "relative", "no bucket", "no URL", "credentials"],
    )
    def test_refuses_a_url(self, tmp_path: Path, passphrase: Path, url: str, problem: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            read_backend_settings(tmp_path, {STATE_URL_VARIABLE: url, STATE_PASSPHRASE_VARIABLE: str(passphrase)})

        assert [(fault.path, fault.message) for fault in refused.value.faults] == [(STATE_URL_VARIABLE, problem)]
        assert "canary" not in str(refused.value)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [(None, "names a file that cannot be read: No such file or directory"), ("\n", "names an empty file")],
        ids=["missing", "empty"],
    )
    def test_refuses_a_passphrase_file(self, tmp_path: Path, content: str | None, problem: str) -> None:
        file = tmp_path / "passphrase"
        if content is not None:
            file.write_text(content, encoding="utf-8")

        with pytest.raises(ConfigurationError) as refused:
            read_backend_settings(tmp_path, {STATE_URL_VARIABLE: "s3://bucket", STATE_PASSPHRASE_VARIABLE: str(file)})

        assert [(fault.path, fault.message) for fault in refused.value.faults] == [(STATE_PASSPHRASE_VARIABLE, problem)]

    def test_says_all_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError) as refused:
            read_backend_settings(tmp_path, {STATE_URL_VARIABLE: "ftp://bucket"})

        assert [fault.path for fault in refused.value.faults] == [STATE_URL_VARIABLE, STATE_PASSPHRASE_VARIABLE]

    def test_takes_the_passphrase_itself_in_place_of_a_file(self, tmp_path: Path, passphrase: Path) -> None:
        url = "azblob://state"
        given = {STATE_URL_VARIABLE: url, PASSPHRASE_VARIABLE: "canary-5ecre7"}

        settings = read_backend_settings(tmp_path, given)
        with_file = read_backend_settings(tmp_path, given | {STATE_PASSPHRASE_VARIABLE: str(passphrase)})

        assert settings.variables == {"PULUMI_BACKEND_URL": url, PASSPHRASE_VARIABLE: "canary-5ecre7"}
        assert "canary" not in repr(settings)
        assert PASSPHRASE_VARIABLE not in with_file.variables
