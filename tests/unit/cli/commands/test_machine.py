"""`doctor` on this machine, and `setup` with prerequisites in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.presentation.cli.commands.machine import AZURE_RESOURCE_PROVIDERS
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

    def test_fails_for_a_home_that_cannot_be_created(self, cli: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        outcome = cli("doctor", "--home", str(tmp_path / "file" / "home"))

        assert outcome.code == 1
        assert "choose another home with --home" in outcome.out


class TestAzureAccount:
    @pytest.mark.parametrize(
        ("namespaces", "code", "ok", "found"),
        [
            (AZURE_RESOURCE_PROVIDERS, 0, True, "all resource providers are registered"),
            (AZURE_RESOURCE_PROVIDERS[1:], 0, False, f"not registered: {AZURE_RESOURCE_PROVIDERS[0]}"),
            ((), 1, False, "not checked: az login is missing"),
        ],
    )
    def test_compares_resource_providers(
        self,
        namespaces: tuple[str, ...],
        code: int,
        ok: bool,
        found: str,
        cli: Any,
        home: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        az = tmp_path / "az"
        az.write_text("\n".join(("#!/bin/sh", *(f"echo {name}" for name in namespaces), f"exit {code}")))
        az.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

        answer = json.loads(cli("doctor", "--home", str(home), "--json").out)

        [check] = [check for check in answer["checks"] if check["name"] == "Azure account"]
        assert (check["ok"], check["found"], check["needed"]) == (ok, found, False)
        assert "Microsoft.Authorization/roleAssignments/write" in check["advice"]


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
