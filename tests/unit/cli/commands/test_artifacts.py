"""`artifacts collect`: shows what is kept and why, and removes the rest once it is confirmed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from semantest_iac.domain.ports.artifact_store import StoredPackage

NEW, OLD = "a" * 64, "b" * 64


@pytest.fixture
def stored(world: Any) -> None:
    """One package of today, and one that nothing needs."""
    now = datetime.now(UTC)
    world.artifact_store.packages = [
        StoredPackage(NEW, 1_234_567, now),
        StoredPackage(OLD, 20_000, now - timedelta(days=3)),
    ]


@pytest.mark.usefixtures("stored")
class TestCollect:
    def test_shows_what_it_would_remove(self, cli: Any, world: Any) -> None:
        outcome = cli("artifacts", "collect", "--dry-run")

        assert outcome.code == 0
        (_, kept, removed, summary) = outcome.out.splitlines()
        assert kept.split()[:3] == [NEW[:12], "1.2", "MB"]
        assert kept.endswith("stored within the last day")
        assert removed.endswith("no")
        assert summary == "1 package would be removed: 20 KB"
        assert len(world.artifact_store.packages) == 2

    def test_asks_first(self, cli: Any, world: Any) -> None:
        outcome = cli("artifacts", "collect")

        assert (outcome.code, len(world.artifact_store.packages)) == (3, 2)
        assert "it was not confirmed" in outcome.err
        assert "Add --yes." in outcome.err

    def test_removes_what_nothing_needs(self, cli: Any, world: Any) -> None:
        outcome = cli("artifacts", "collect", "--yes", "--json")

        answer = json.loads(outcome.out)
        assert outcome.code == 0
        assert [package["digest"] for package in answer["removed"]] == [OLD]
        assert [(it["digest"], it["needs"][0]["why"]) for it in answer["kept"]] == [(NEW, "stored within the last day")]
        assert (answer["freed_bytes"], answer["dry_run"]) == (20_000, False)
        assert [package.digest for package in world.artifact_store.packages] == [NEW]

    def test_needs_no_answer_where_all_is_needed(self, cli: Any) -> None:
        cli("artifacts", "collect", "--yes")

        assert cli("artifacts", "collect").out.splitlines()[-1] == "Every package is needed."

    def test_refuses_to_keep_nothing(self, cli: Any) -> None:
        assert cli("artifacts", "collect", "--keep", "0").code == 2


def test_an_empty_store_needs_nothing(cli: Any) -> None:
    assert cli("artifacts", "collect").out == "Every package is needed.\n"
