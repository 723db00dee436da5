"""Guardrails of the folder in which a process runs: those with faults count as not known, so that plans wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.reviews.own_rules import watch_own_guardrails
from semantest_iac.bootstrap.watched_configuration import watch_folder
from semantest_iac.domain.deployment.stack import Stack

STACK = Stack("rest-api", "aws", "development", "us-east-1")


@pytest.mark.parametrize(
    ("guardrails", "is_known"),
    [
        ("{deletes: {max: 3}}", True),
        ("{cost: {max_rise: lots}}", False),
        ("{deletes: {max: -1}}", False),
        ("{protected: [' table ']}", False),
        ("{freeze: [{cron: '0 16 * * 5', hours: 64, timezone: Europe/Berln}]}", False),
        ("{freeze: [{cron: '0 16 * *', hours: 64}]}", False),
        ("{deletes: many}", False),
        ("[]", False),
    ],
)
def test_with_a_fault_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guardrails: str, *, is_known: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "semantest.yaml").write_text(f"guardrails: {guardrails}\n", encoding="utf-8")
    application = Application(tmp_path / ".semantest")

    found = watch_own_guardrails(watch_folder(application), application.find_guardrail_faults)(STACK)

    assert (found is not None) is is_known
