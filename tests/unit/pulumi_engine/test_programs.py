"""What a program reads from the Pulumi that started it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semantest_iac.infrastructure.pulumi_engine.worker.programs import PulumiProgramHost


class TestPulumiProgramHost:
    def test_reads_the_configuration_of_one_namespace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config = {"semantest:component": "rest-api", "semantest:secrets": "{}", "aws:secretKey": "canary"}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["semantest:secrets", "aws:secretKey"]))

        host = PulumiProgramHost.from_environment("semantest")

        assert host.config == {"component": "rest-api", "secrets": "{}"}
        assert (host.secret_keys, "rest-api" in repr(host)) == (frozenset({"secrets"}), False)

    def test_uses_the_working_folder_without_a_root_folder(self) -> None:
        assert PulumiProgramHost.from_environment("semantest").folder == Path.cwd()
