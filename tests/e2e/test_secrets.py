"""No form of a secret is in any output or file; a sample of `make campaign canaries`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.canaries import DEFAULT_SEED, draw_canary_job, run_canary_job
from tests.secret_scanner import FORMS, SecretScanner, make_secrets

SEED = int(os.environ.get("SEMANTEST_CANARIES_SEED", DEFAULT_SEED))
SECRETS = make_secrets(SEED)


class TestSecretScanner:
    @pytest.mark.parametrize("form", FORMS)
    def test_finds_every_form_in_a_file(self, form: str) -> None:
        scanner = SecretScanner({"token": SECRETS["token"]}, [form])
        planted = b"\x00" * 99 + FORMS[form](SECRETS["token"]).encode() + b"\x00"

        assert scanner.scan(planted) == [f"token as {form}"]
        assert scanner.scan(b"\x00" * 999) == []


class TestSecrets:
    @pytest.mark.timeout(600)
    def test_are_in_no_output_and_no_file(self, tmp_path: Path) -> None:
        result = run_canary_job(draw_canary_job(tmp_path, SEED))

        assert [*result.describe()] == []
        assert len(result.exits) > 10
