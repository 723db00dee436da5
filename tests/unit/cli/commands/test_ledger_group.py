"""`ledger`: verifying, exporting and importing the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy


@pytest.fixture
async def filled(world: Any) -> None:
    """A deployed stack."""
    await world.ledger.append(STACK, None, a_deploy("d1", endpoint="https://one"))


@pytest.mark.usefixtures("filled")
class TestLedger:
    def test_verifies_against_a_head_noted_earlier(self, cli: Any) -> None:
        noted = cli("ledger", "head").out.strip()

        outcome = cli("ledger", "verify", "--expect", noted, "--json")

        assert (outcome.code, json.loads(outcome.out)["intact"]) == (0, True)

    def test_with_another_head_fails(self, cli: Any) -> None:
        assert cli("ledger", "verify", "--head", f"99:{'0' * 64}").code == 1

    def test_refuses_an_invalid_head(self, cli: Any) -> None:
        assert cli("ledger", "verify", "--head", "latest").code == 2

    def test_is_rebuilt(self, cli: Any, world: Any) -> None:
        outcome = cli("ledger", "rebuild")

        assert (outcome.code, world.ledger.rebuilt) == (0, 1)


class TestEmptyLedger:
    def test_is_not_created_by_rebuild(self, cli: Any, world: Any) -> None:
        outcome = cli("ledger", "rebuild")

        assert (outcome.code, world.ledger.rebuilt) == (0, 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.mark.usefixtures("filled")
class TestExport:
    def test_has_a_line_for_each_event(self, cli: Any, file: Path, world: Any) -> None:
        outcome = cli("ledger", "export", str(file), "--json")

        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert (outcome.code, json.loads(outcome.out)["events"]) == (0, 7)
        assert [line["position"] for line in lines] == list(range(1, 8))
        assert [(line["hash"], line["event"]) for line in lines] == [
            (row.hash, row.event) for row in world.ledger.log()
        ]

    def test_is_the_same_on_stdout(self, cli: Any, file: Path) -> None:
        cli("ledger", "export", str(file))

        assert cli("ledger", "export", "-").out == file.read_text()

    def test_overwrites_a_file_only_if_it_must(self, cli: Any, file: Path) -> None:
        file.write_text("mine")

        refused = cli("ledger", "export", str(file))
        before = file.read_text()

        assert (refused.code, before, cli("ledger", "export", str(file), "--force").code) == (3, "mine", 0)

    def test_of_a_changed_ledger_is_not_written(self, cli: Any, file: Path, world: Any) -> None:
        del world.ledger.recorded[2]

        assert (cli("ledger", "export", str(file)).code, file.exists()) == (1, False)

    def test_needs_a_folder(self, cli: Any, tmp_path: Path) -> None:
        assert "there is no folder" in cli("ledger", "export", str(tmp_path / "missing" / "events")).err


@pytest.mark.usefixtures("filled")
class TestImport:
    def test_restores_the_ledger(self, cli: Any, file: Path, world: Any) -> None:
        cli("ledger", "export", str(file))
        head, status = cli("ledger", "head").out, cli("status", "--json").out
        world.ledger = MemoryLedger()

        outcome = cli("ledger", "import", str(file), "--expect", head.strip(), "--json")

        answer = json.loads(outcome.out)
        assert (outcome.code, answer["imported"], answer["events"]) == (0, 7, 7)
        assert (cli("ledger", "head").out, cli("status", "--json").out) == (head, status)

    def test_of_what_is_there_adds_nothing(self, cli: Any, file: Path) -> None:
        cli("ledger", "export", str(file))

        assert "Imported 0 events; the ledger has 7" in cli("ledger", "import", str(file)).out

    def test_names_the_line_that_is_no_event(self, cli: Any, file: Path, world: Any) -> None:
        cli("ledger", "export", str(file))
        file.write_text(file.read_text().replace('"position":3', '"position":"3"'))
        world.ledger = MemoryLedger()

        outcome = cli("ledger", "import", str(file))

        assert (outcome.code, world.ledger.recorded) == (2, [])
        assert "line 3" in outcome.err

    def test_needs_a_file(self, cli: Any, file: Path) -> None:
        assert cli("ledger", "import", str(file)).code == 2
