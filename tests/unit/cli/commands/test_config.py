"""`config` in a world in memory."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.domain.errors import Fault

_SECRET = {"components": {"rest-api": {"memory": 1024, "environment": {"KEY": "${secrets.key}"}}}}


class TestValidate:
    def test_warns_of_secrets_that_are_not_set(self, cli: Any, world: Any) -> None:
        world.values = _SECRET

        outcome = cli("config", "validate", "--json")

        answer = json.loads(outcome.out)
        assert (outcome.code, answer["valid"]) == (0, True)
        assert [warning["path"] for warning in answer["warnings"]] == ["components.rest-api.environment.KEY"]

    def test_names_the_faults_of_every_component(self, cli: Any, world: Any) -> None:
        world.values = {"components": {"rest-api": {"memory": 1}, "websocket": {"memory": 2}}}
        world.faults = (Fault("extra", "unknown key"),)

        outcome = cli("config", "validate", "--json")

        paths = [fault["path"] for fault in json.loads(outcome.out)["error"]["faults"]]
        assert (outcome.code, paths) == (2, ["extra", "components.rest-api.memory", "components.websocket.memory"])


class TestShow:
    def test_gives_secrets_as_references(self, cli: Any, world: Any) -> None:
        world.values = _SECRET

        answer = json.loads(cli("config", "show", "--component", "rest-api", "--json").out)

        assert answer["settings"]["memory"] == 1024
        assert answer["settings"]["environment"]["KEY"] == "${secrets.key}"
        assert "secrets" not in answer["settings"]

    def test_lists_every_setting_for_people(self, cli: Any) -> None:
        lines = cli("config", "show", "--component", "rest-api").out.splitlines()

        assert lines[0] == "rest-api.aws.development.us-east-1"
        assert ["memory", "512"] in [line.split() for line in lines]


class TestSchema:
    def test_is_json_for_people_too(self, cli: Any) -> None:
        assert json.loads(cli("config", "schema").out) == json.loads(cli("config", "schema", "--json").out)
