"""`doctor` on this machine, and `setup` with prerequisites in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import UnreachableStoreError
from tests.fakes.prerequisite import FakePrerequisite


class TestDoctor:
    def test_says_that_the_sandbox_is_ready(self, cli: Any, home: Path) -> None:
        outcome = cli("doctor", "--home", str(home), "--json")

        answer = json.loads(outcome.out)
        assert (outcome.code, answer["sandbox"]) == (0, True)
        found = {check["name"]: check["ok"] for check in answer["checks"]}
        assert (found["production"], found["production on azure"], found["development on azure"]) == (
            False,
            False,
            True,
        )
        assert not home.exists()

    @pytest.mark.parametrize("named", [True, False])
    def test_lists_every_part_of_the_home(
        self, cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
    ) -> None:
        monkeypatch.chdir(tmp_path)
        home = tmp_path / ".semantest"
        (home / "artifacts").mkdir(parents=True)
        (home / "home.json").write_text("{}")
        (home / "artifacts" / f"{'0' * 64}.zip").write_text("another")

        outcome = cli("doctor", "--json", "--home", *([str(home)] if named else []))

        parts = {part["part"]: (part["condition"], part["command"]) for part in json.loads(outcome.out)["home"]}
        assert outcome.code == 1
        assert parts["home.json"] == ("damaged", "semantest-iac repair")
        assert parts[f"artifacts/{'0' * 64}.zip"] == ("damaged", "semantest-iac repair")
        assert parts["cloud.db"][0] == "absent"

    def test_fails_for_a_home_that_cannot_be_created(self, cli: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        outcome = cli("doctor", "--home", str(tmp_path / "file" / "home"))

        assert outcome.code == 1
        assert "choose another home with --home" in outcome.out

    def test_says_why_the_store_of_packages_cannot_be_used(self, cli: Any, world: Any, home: Path) -> None:
        error = UnreachableStoreError("Cannot list packages in 's3://bucket': it does not answer.", hint="Check it.")
        world.artifact_store.points.fail("list_packages", error)

        answer = json.loads(cli("doctor", "--home", str(home), "--json").out)

        (found,) = (check for check in answer["checks"] if check["name"] == "packages")
        assert (answer["sandbox"], found["ok"], found["found"], found["advice"]) == (
            False,
            False,
            error.message,
            "Check it.",
        )


class TestAccounts:
    def test_says_that_accounts_were_not_checked(self, cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")

        answer = json.loads(cli("doctor", "--home", str(home), "--json").out)

        found = {check["name"]: (check["found"], check["needed"]) for check in answer["checks"]}
        assert found["Azure role assignments"] == ("not checked: az is not on the PATH", False)
        assert found["AWS roles"] == ("not checked: aws is not on the PATH", False)


class TestSetup:
    def test_skips_what_is_installed(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("the CLI", "/bin/cli")]

        outcome = cli("setup")

        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == "present    the CLI  /bin/cli\nThe Pulumi engine is ready.\n"

    def test_installs_what_is_missing(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("the CLI", "/bin/cli"), FakePrerequisite("a plugin")]

        outcome = cli("setup", "--yes", "--json")

        assert (outcome.code, outcome.err) == (0, "a plugin: fetching\n")
        assert json.loads(outcome.out) == {
            "ready": True,
            "steps": [
                {"name": "the CLI", "state": "there", "place": "/bin/cli"},
                {"name": "a plugin", "state": "installed", "place": "/cache/it"},
            ],
        }

    def test_installs_the_node_sdk_alone(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("the CLI"), FakePrerequisite("the SDK")]

        outcome = cli("setup", "--node-sdk")

        assert (outcome.code, outcome.err) == (0, "the SDK: fetching\n")
        assert outcome.out == "installed  the SDK  /cache/it\nThe AWS SDK for JavaScript is ready.\n"

    def test_installs_nothing_without_consent(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("a plugin")]

        outcome = cli("setup", "--json")

        assert (outcome.code, world.needs[0].place) == (3, None)
        assert json.loads(outcome.out)["error"]["message"] == "Cannot install a plugin: it was not confirmed."

    def test_continues_after_a_failure(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("the CLI", reachable=False), FakePrerequisite("a plugin")]

        outcome = cli("setup", "--yes")

        assert outcome.code == 1
        assert outcome.out.splitlines() == [
            "Error: Cannot install the CLI.",
            "  fetch: no way",
            "Hint: Run get it.",
            "installed  a plugin  /cache/it",
            "The Pulumi engine is not ready yet.",
        ]

    def test_reports_failures_as_json(self, cli: Any, world: Any) -> None:
        world.needs = [FakePrerequisite("the CLI", reachable=False)]

        (step,) = json.loads(cli("setup", "--yes", "--json").out)["steps"]

        assert (step["state"], step["error"]["hint"]) == ("failed", "Run get it.")
