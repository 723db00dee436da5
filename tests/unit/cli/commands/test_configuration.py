"""`config` and `parity` of an application in memory."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import RESOURCE_KINDS, Capabilities
from semantest_iac.domain.networking.apis import HttpApi
from tests.unit.cli.conftest import Cli, World

_SECRET = {"components": {"rest-api": {"memory": 1024, "environment": {"KEY": "${secrets.key}"}}}}


class TestValidate:
    def test_warns_of_missing_secrets(self, cli: Any, world: Any) -> None:
        world.values = _SECRET

        outcome = cli("config", "validate", "--json")

        answer = json.loads(outcome.out)
        assert (outcome.code, answer["valid"]) == (0, True)
        assert [warning["path"] for warning in answer["warnings"]] == ["components.rest-api.environment.KEY"]

    def test_reports_the_faults_of_every_component(self, cli: Any, world: Any) -> None:
        world.values = {"extra": 1, "components": {"rest-api": {"memory": 1}, "websocket": {"memory": 2}}}

        outcome = cli("config", "validate", "--json")

        paths = [fault["path"] for fault in json.loads(outcome.out)["error"]["faults"]]
        assert (outcome.code, paths) == (2, ["extra", "components.rest-api.memory", "components.websocket.memory"])

    def test_reports_an_unknown_component_once(self, cli: Any, world: Any) -> None:
        world.values = {"components": {"rest-app": {}, "websocket": {"memory": 2}}}

        outcome = cli("config", "validate", "--json")

        paths = [fault["path"] for fault in json.loads(outcome.out)["error"]["faults"]]
        assert (outcome.code, paths) == (2, ["components.rest-app", "components.websocket.memory"])

    def test_reports_the_only_component_if_it_is_unknown(self, cli: Any, world: Any) -> None:
        world.values = {"components": {"rest-app": {}}}

        outcome = cli("config", "validate")

        assert outcome.code == 2
        assert outcome.err.count("Add type: rest-api.") == 1


class TestShow:
    def test_prints_secrets_as_references(self, cli: Any, world: Any) -> None:
        world.values = _SECRET

        answer = json.loads(cli("config", "show", "--component", "rest-api", "--json").out)

        assert answer["settings"]["memory"] == 1024
        assert answer["settings"]["environment"]["KEY"] == "${secrets.key}"
        assert "secrets" not in answer["settings"]

    def test_hides_what_a_deployment_refuses_as_a_plain_secret(self, cli: Any, world: Any) -> None:
        written = {"DB_PASSWORD": "hunter2", "DB_URL": "https://app:hunter2@db", "MODE": "quiet"}
        world.values = {"components": {"rest-api": {"environment": written}}}

        outcome = cli("config", "show", "--component", "rest-api", "--json")

        shown = json.loads(outcome.out)["settings"]["environment"]
        assert {name: shown[name] for name in written} == written | {"DB_PASSWORD": "[secret]", "DB_URL": "[secret]"}

    def test_prints_every_setting_as_text(self, cli: Any) -> None:
        lines = cli("config", "show", "--component", "rest-api").out.splitlines()

        assert lines[0] == "rest-api.aws.development.us-east-1"
        assert ["memory", "512"] in [line.split() for line in lines]


class TestSchema:
    def test_is_json_without_json_too(self, cli: Any) -> None:
        assert json.loads(cli("config", "schema").out) == json.loads(cli("config", "schema", "--json").out)


_AZURE = Capabilities(
    "azure",
    frozenset(RESOURCE_KINDS) - {HttpApi},
    {capabilities.WARM_INSTANCES: "its functions sleep"},
    {capabilities.MEMORY_SIZE: "in steps"},
)


class TestParity:
    def test_shows_a_row_for_everything_and_a_column_for_each_cloud(self, cli: Cli) -> None:
        title, *rows = cli("parity").out.splitlines()

        assert title.split() == ["AWS", "AZURE"]
        assert len(rows) == len(list(capabilities.list_capabilities()))
        assert all(row.split()[-2:] == ["yes", "yes"] for row in rows)

    def test_shows_the_reasons_as_notes_below(self, cli: Cli, world: World) -> None:
        world.capabilities["azure"] = _AZURE

        lines = cli("parity").out.splitlines()

        [warm] = [line.split() for line in lines if "warm instances" in line]
        assert warm[2:] == ["yes", "no", "(3)"]
        assert lines[-3:] == [
            "(1) azure: it has no program for this kind",
            "(2) azure: in steps",
            "(3) azure: its functions sleep",
        ]

    def test_is_a_list_with_json(self, cli: Cli, world: World) -> None:
        world.capabilities["azure"] = _AZURE

        rows = {(row["kind"], row["feature"]): row["clouds"] for row in json.loads(cli("parity", "--json").out)}

        assert rows["HttpApi", None] == {
            "aws": {"supported": True, "note": ""},
            "azure": {"supported": False, "note": "it has no program for this kind"},
        }
        assert rows["HttpApi", "CORS"]["azure"]["supported"] is False
        assert rows["ServerlessFunction", "memory"]["azure"] == {"supported": True, "note": "in steps"}


class TestShowOfTheFile:
    def test_shows_a_layer_s_own_settings_and_its_environment_s(self, cli: Any, world: Any) -> None:
        world.values = {"network": {"cidr": "10.9.0.0/16"}, "components": {"messaging": {"queues": {"jobs": None}}}}

        settings = json.loads(cli("config", "show", "messaging", "--env", "staging", "--json").out)["settings"]

        assert (settings["layers"], settings["network"]["subnets"]["app"]) == (["messaging"], "10.9.1.0/24")
        assert [*settings["messaging"]["queues"]] == ["jobs"]
        assert {"database", "routes", "cors", "functions"}.isdisjoint(settings)

    def test_shows_nothing_of_the_platform_for_an_api(self, cli: Any) -> None:
        settings = json.loads(cli("config", "show", "rest-api", "--json").out)["settings"]

        assert {"platform", "layers", "tiers", "messaging"}.isdisjoint(settings)
