"""A part of a home that is lost or damaged is told from an empty home, and repaired or refused with a way to go on."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from semantest_iac.domain.messaging.messages import MessageHolder, SentMessage, route_to_holder
from semantest_iac.infrastructure.message_store.messages import MessageStore
from tests.campaigns.damage import Case, list_cases, run_case
from tests.campaigns.damaged_home import DamagedHome

CLOUDS = ("aws", "azure")
MakeHome = Callable[[str], DamagedHome]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DamagedHome]:
    """Return the home of a cloud with one deployment, which is made once."""
    made: dict[str, DamagedHome] = {}

    def find(cloud: str) -> DamagedHome:
        if cloud not in made:
            made[cloud] = DamagedHome(tmp_path_factory.mktemp(cloud) / "home", cloud, "rest-api")
            assert made[cloud].deploy().value["state"] == "completed"
        return made[cloud]

    return find


@pytest.fixture
def make_home(deployed: Callable[[str], DamagedHome], tmp_path: Path) -> MakeHome:
    return lambda cloud: deployed(cloud).copy_to(tmp_path / "home")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_intact_home_has_only_usable_parts(make_home: MakeHome, cloud: str) -> None:
    home = make_home(cloud)

    assert home.find_broken_parts() == {}
    assert home.run("repair").value["repairs"] == []


class TestLostLedger:
    @pytest.mark.parametrize("command", [("status",), ("history",), ("ledger", "verify"), ("deploy", "rest-api")])
    def test_is_refused_by_each_command(self, make_home: MakeHome, command: tuple[str, ...]) -> None:
        home = make_home("aws")
        (home.folder / "ledger.db").unlink()

        answer = home.run(*command)

        assert (answer.code, answer.error["code"]) == (1, "LEDGER_YOUNGER")
        assert "the ledger is younger than its home" in answer.error["message"]
        assert "repair --accept-ledger" in answer.error["hint"]
        assert not (home.folder / "ledger.db").exists()

    def test_is_noticed_without_the_manifest_too(self, make_home: MakeHome) -> None:
        home = make_home("azure")
        for name in ("ledger.db", "home.json", "sandbox/home.json"):
            (home.folder / name).unlink()

        assert home.run("status").error["code"] == "LEDGER_YOUNGER"

    @pytest.mark.parametrize(("resources", "is_lost"), [("[{}]", True), ("[]", False)])
    def test_is_told_from_a_preview_that_left_an_empty_state(
        self, make_home: MakeHome, resources: str, is_lost: bool
    ) -> None:
        home = make_home("aws")
        for path in (home.folder / "sandbox").glob("*.json"):
            path.unlink()
        for name in ("ledger.db", "home.json"):
            (home.folder / name).unlink()
        stacks = home.folder / "pulumi/state/.pulumi/stacks/project"
        stacks.mkdir(parents=True)
        (stacks / "rest-api.json").write_text(f'{{"checkpoint": {{"latest": {{"resources": {resources}}}}}}}')

        answer = home.run("status")

        assert (answer.error["code"] if answer.error else "") == ("LEDGER_YOUNGER" if is_lost else "")

    def test_whose_end_was_cut_is_refused(self, make_home: MakeHome) -> None:
        home = make_home("aws")
        with closing(sqlite3.connect(home.folder / "ledger.db")) as connection:
            connection.executescript("delete from events where position > 4")

        assert home.run("status").error["code"] == "LEDGER_YOUNGER"
        assert home.find_broken_parts()["ledger.db"]["condition"] == "younger"

    def test_can_be_accepted_as_it_is(self, make_home: MakeHome) -> None:
        home = make_home("aws")
        (home.folder / "ledger.db").unlink()

        assert home.run("repair", "--yes").code == 1  # a person decides
        assert home.run("repair", "--accept-ledger", "--yes").code == 0
        assert home.deploy().value["state"] == "completed"


@pytest.mark.parametrize("statement", ["update stacks set row = replace(row, '1', '2')", "delete from deployments"])
def test_changed_rows_are_refused_and_written_again(make_home: MakeHome, statement: str) -> None:
    home = make_home("aws")
    with closing(sqlite3.connect(home.folder / "ledger.db")) as connection:
        connection.executescript(statement)

    answers = [home.run("ledger", "verify"), home.deploy(), home.run("preview", "rest-api")]

    assert {answer.error["code"] for answer in answers} == {"LEDGER_ROWS_CHANGED"}
    assert home.find_broken_parts().keys() == {"ledger.db: rows"}
    assert home.run("repair", "--yes").code == 0
    assert home.deploy().value["changes"]["same"] > 10


def test_queued_request_that_the_ledger_has_not_is_named_and_removed(make_home: MakeHome) -> None:
    home = make_home("aws")
    with closing(sqlite3.connect(home.folder / "ledger.db")) as connection:
        connection.executescript("update runs set deployment = 'another', state = 'waiting'")

    broken = home.find_broken_parts()
    repaired = home.run("repair", "--yes")

    assert broken.keys() == {"ledger.db: queue"}
    assert broken["ledger.db: queue"]["cause"].startswith("deployment 'another' is queued")
    assert (repaired.code, home.find_broken_parts(), home.run("queue").value) == (0, {}, [])
    assert home.deploy().value["state"] == "completed"


@pytest.mark.parametrize("cloud", CLOUDS)
class TestLostState:
    def test_is_refused_before_anything_is_changed(self, make_home: MakeHome, cloud: str) -> None:
        home = make_home(cloud)
        home.state_file.unlink()

        answer = home.deploy()

        assert (answer.value["state"], answer.error["code"]) == ("failed", "STATE_MISSING")
        assert "semantest-iac repair" in answer.error["hint"]

    def test_is_rebuilt_from_the_simulated_cloud(self, make_home: MakeHome, cloud: str) -> None:
        home = make_home(cloud)
        home.state_file.unlink()

        repaired, deployed = home.run("repair", "--yes"), home.deploy()

        assert (repaired.code, deployed.value["state"]) == (0, "completed"), deployed.text
        assert {kind: deployed.value["changes"][kind] for kind in ("create", "replace", "delete")} == {
            "create": 0,
            "replace": 0,
            "delete": 0,
        }
        assert home.run("destroy", "rest-api", "--provider", cloud, "--yes").value["state"] == "completed"
        assert home.find_broken_parts() == {}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_lost_cloud_is_created_again(make_home: MakeHome, cloud: str) -> None:
    home = make_home(cloud)
    (home.folder / "cloud.db").unlink()

    broken = home.find_broken_parts()
    answer = home.deploy()

    assert broken["cloud.db"]["condition"] == "missing"
    assert (answer.code, answer.value["changes"]["create"] > 10) == (0, True)
    assert "infrastructure.drift.detected" in answer.text
    assert home.deploy().value["changes"]["create"] == 0


@pytest.mark.parametrize("content", [None, b"", b"no database"], ids=["folder", "empty", "text"])
def test_damaged_messages_are_named_and_moved_away(make_home: MakeHome, content: bytes | None) -> None:
    home = make_home("aws")
    holder = MessageHolder("orders", home.stack)
    MessageStore(home.folder).send(route_to_holder(holder), [SentMessage("kept")])
    path = home.folder / "messages.db"
    intact = home.find_broken_parts()
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    broken = home.find_broken_parts()
    repaired = home.run("repair", "--yes")

    assert (intact, broken["messages.db"]["condition"]) == ({}, "damaged")
    assert broken["messages.db"]["cause"].endswith("; the messages and ticks in it are lost")
    assert (repaired.code, home.find_broken_parts(), path.exists()) == (0, {}, False)


class TestCampaign:
    """A sample of `make campaign damage`."""

    @pytest.mark.parametrize("number", range(int(os.environ.get("SEMANTEST_DAMAGE", "4"))))
    def test_each_damage_is_named_or_harmless_and_can_be_mended(
        self, deployed: Callable[[str], DamagedHome], tmp_path: Path, number: int
    ) -> None:
        seed = int(os.environ.get("SEMANTEST_DAMAGE_SEED", "1"))
        intact = deployed(CLOUDS[number % 2])
        cases = random.Random(seed).sample(list_cases(intact, seed), number + 1)

        result = run_case(intact, tmp_path / "home", cases[-1])

        assert result.faults == (), str(cases[-1])

    def test_finds_a_damage_that_is_not_named(
        self, deployed: Callable[[str], DamagedHome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        intact = deployed("aws")
        state = str(intact.state_file.relative_to(intact.folder))
        monkeypatch.setattr(DamagedHome, "find_broken_parts", lambda home: {})

        result = run_case(intact, tmp_path / "home", Case(state, "emptied", 1))

        assert any("nothing is named, and a deployment fails" in fault for fault in result.faults)
