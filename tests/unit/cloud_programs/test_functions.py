"""What the programs register for several functions behind one API."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.infrastructure.cloud_programs.azure.shared_apps import share_app
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from tests.unit.cloud_programs.azure_registrations import APP, record_api, settings_of
from tests.unit.cloud_programs.recorder import Registration, of_type, record_program
from tests.unit.cloud_programs.variants import SEVERAL_NAMES, blueprint

_GATEWAY = "aws:apigatewayv2"


def aws(variant: str = "functions", environment: str = "development") -> list[Registration]:
    return record_program(blueprint(variant, environment))


def inputs_by_name(type_: str, registrations: list[Registration]) -> dict[str, Any]:
    return {it.name: to_cloud_value(it.inputs) for it in of_type(type_, registrations)}


class TestAws:
    def test_has_a_function_with_role_log_and_alias_for_each(self) -> None:
        registrations = aws()
        functions = inputs_by_name("aws:lambda/function:Function", registrations)

        assert {*functions} == {"function-create", "function-todos-list"}
        assert {it["environment"]["variables"]["SEMANTEST_FUNCTION"] for it in functions.values()} == {
            "create",
            "todos-list",
        }
        assert len({it["role"] for it in functions.values()}) == 2
        assert len({it["loggingConfig"]["logGroup"] for it in functions.values()}) == 2
        assert {*inputs_by_name("aws:lambda/alias:Alias", registrations)} == {"live-create", "live-todos-list"}

    def test_packages_once(self) -> None:
        functions = inputs_by_name("aws:lambda/function:Function", aws())

        assert len({it["sourceCodeHash"] for it in functions.values()}) == 1

    def test_has_one_route_per_method_and_path_to_the_integration_of_its_function(self) -> None:
        routes = inputs_by_name(f"{_GATEWAY}/route:Route", aws())

        assert {it["routeKey"]: it["target"].rpartition(" ")[2].partition("_")[0] for it in routes.values()} == {
            "POST /todos": routes["api POST /todos"]["target"].rpartition(" ")[2].partition("_")[0],
            "GET /todos": routes["api ANY /todos/*"]["target"].rpartition(" ")[2].partition("_")[0],
            "ANY /todos/{id}": routes["api GET /todos"]["target"].rpartition(" ")[2].partition("_")[0],
        }
        assert routes["api POST /todos"]["target"] != routes["api GET /todos"]["target"]
        assert {*inputs_by_name(f"{_GATEWAY}/integration:Integration", aws())} == {
            "api live-create",
            "api live-todos-list",
        }

    def test_sends_each_function_its_format_of_events(self) -> None:
        integrations = inputs_by_name(f"{_GATEWAY}/integration:Integration", aws("functions beside a handler"))

        assert {name: it["payloadFormatVersion"] for name, it in integrations.items()} == {
            "api": "2.0",
            "api live-create": "1.0",
            "api live-todos-list": "2.0",
        }

    def test_has_one_route_for_variables_with_several_names(self) -> None:
        routes = of_type(f"{_GATEWAY}/route:Route", record_program(blueprint(SEVERAL_NAMES)))

        assert len({it.name for it in routes}) == len(routes) == 4 + 1  # and health

    def test_allows_the_api_to_call_each_function(self) -> None:
        permissions = inputs_by_name("aws:lambda/permission:Permission", aws())

        assert {*permissions} == {"api live-create", "api live-todos-list"}
        assert len({it["function"] for it in permissions.values()}) == 2

    def test_watches_each_function(self) -> None:
        alarms = inputs_by_name("aws:cloudwatch/metricAlarm:MetricAlarm", aws())

        assert alarms["alarm-throttles-create"]["dimensions"] != alarms["alarm-throttles-todos-list"]["dimensions"]
        assert len({it["name"] for it in alarms.values()}) == len(alarms) == 8

    def test_keeps_each_function_warm(self) -> None:
        warm = inputs_by_name(
            "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
            aws("warm functions with an authorizer"),
        )

        assert {*warm} == {"live-create", "live-todos-list"}

    def test_keeps_the_names_of_the_components_own_handler(self) -> None:
        registrations = aws("functions beside a handler")

        assert "api" in inputs_by_name("aws:lambda/permission:Permission", registrations)
        assert "function" in inputs_by_name("aws:lambda/function:Function", registrations)


class TestAzure:
    def test_has_one_app_under_the_names_of_a_single_function(self) -> None:
        single, several = record_api("secrets"), record_api("functions")
        ours = [it for it in several if it.type.startswith("azure-native:")]

        assert [it.name for it in of_type(APP, several)] == ["function"]
        assert {(it.type, it.name) for it in ours} == {
            (it.type, it.name) for it in single if it.type.startswith("azure-native:")
        }

    def test_tells_the_app_which_function_has_which_routes(self) -> None:
        settings = settings_of(record_api("functions"))

        assert json.loads(settings["SEMANTEST_ROUTES"]) == {
            "create": ["POST /todos"],
            "todos-list": ["GET /todos", "ANY /todos/{id}"],
        }
        assert (settings["LIMIT"], "SEMANTEST_FUNCTION" in settings) == ("5", False)

    def test_tells_the_app_which_function_reads_which_format(self) -> None:
        assert json.loads(settings_of(record_api("functions beside a handler"))["SEMANTEST_PAYLOAD"]) == {
            "create": "1.0"
        }
        assert "SEMANTEST_PAYLOAD" not in settings_of(record_api("functions"))

    def test_has_one_operation_for_variables_with_several_names(self) -> None:
        graph = blueprint(SEVERAL_NAMES, region="eastus", provider="azure")

        operations = of_type("azure-native:apimanagement:ApiOperation", record_program(graph))

        assert len({it.name for it in operations}) == len(operations) == 7 + 1 + 1  # methods of one path, posts, health
        assert {it.inputs["displayName"] for it in operations} >= {"GET /users/{user}", "PUT /users/{id}"}

    def test_leaves_other_routes_to_the_components_own_handler(self) -> None:
        routes = json.loads(settings_of(record_api("functions beside a handler"))["SEMANTEST_ROUTES"])

        assert routes[""] == ["ANY /"]

    def test_leaves_a_single_function_as_it_is(self) -> None:
        graph = blueprint("secrets", provider="azure")

        assert share_app(graph) is graph
        assert json.loads(settings_of(record_api("secrets"))["SEMANTEST_ROUTES"]) == [
            "ANY /",
            "ANY /{proxy+}",
            "GET /health",
        ]
