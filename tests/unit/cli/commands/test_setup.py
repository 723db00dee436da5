"""`setup`, for needs that are met, that can be met, and that cannot."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.need import FakeNeed


class TestSetup:
    def test_leaves_alone_what_is_there(self, cli: Any, world: Any) -> None:
        world.needs = [FakeNeed("the CLI", "/bin/cli")]

        outcome = cli("setup")

        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == "there      the CLI  /bin/cli\nPulumi's engine is ready.\n"

    def test_gets_what_is_missing(self, cli: Any, world: Any) -> None:
        world.needs = [FakeNeed("the CLI", "/bin/cli"), FakeNeed("a plugin")]

        outcome = cli("setup", "--yes", "--json")

        assert (outcome.code, outcome.err) == (0, "a plugin: fetching\n")
        assert json.loads(outcome.out) == {
            "ready": True,
            "steps": [
                {"name": "the CLI", "state": "there", "place": "/bin/cli"},
                {"name": "a plugin", "state": "installed", "place": "/cache/it"},
            ],
        }

    def test_fetches_nothing_that_nobody_agreed_to(self, cli: Any, world: Any) -> None:
        world.needs = [FakeNeed("a plugin")]

        outcome = cli("setup", "--json")

        assert (outcome.code, world.needs[0].place) == (3, None)
        assert json.loads(outcome.out)["error"]["message"] == "Cannot get a plugin: nobody agreed to it."

    def test_goes_on_after_what_cannot_be_had(self, cli: Any, world: Any) -> None:
        world.needs = [FakeNeed("the CLI", reachable=False), FakeNeed("a plugin")]

        outcome = cli("setup", "--yes")

        assert outcome.code == 1
        assert outcome.out.splitlines() == [
            "Error: Cannot get the CLI here.",
            "  fetch: no way",
            "Hint: Run get it.",
            "installed  a plugin  /cache/it",
            "Pulumi's engine cannot be used yet.",
        ]

    def test_tells_programs_what_cannot_be_had(self, cli: Any, world: Any) -> None:
        world.needs = [FakeNeed("the CLI", reachable=False)]

        (step,) = json.loads(cli("setup", "--yes", "--json").out)["steps"]

        assert (step["state"], step["error"]["hint"]) == ("failed", "Run get it.")
