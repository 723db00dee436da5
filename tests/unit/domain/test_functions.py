"""The blueprint of several functions behind one API."""

from __future__ import annotations

from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from tests.unit.domain.test_rest_api import all_of, blueprint, names, the

FUNCTIONS = {"create": {"handler": "a.create", "environment": {"KEY": "${secrets.key}"}}}
ROUTES = [
    {"path": "/todos", "methods": "POST", "function": "create"},
    {"path": "/todos", "methods": "GET", "handler": "a.list"},
]


def several(**section: Any) -> Blueprint:
    values: dict[str, Any] = {"source": "src", "functions": FUNCTIONS, "routes": ROUTES, **section}
    return blueprint(**values)


class TestGraph:
    def test_has_function_rights_log_and_version_for_each(self) -> None:
        graph = several()

        per_function = ("function", "function-logs", "identity", "live")
        assert {f"{kind}-{name}" for kind in per_function for name in ("create", "a-list")} < {*names(graph)}
        assert not {*per_function} & {*names(graph)}

    def test_gives_each_function_its_own_secrets_only(self) -> None:
        graph = several()
        rights = {it.purpose: it.secrets for it in all_of(FunctionIdentity, graph)}

        assert [it.key for it in all_of(AppSecret, graph)] == ["key"]
        assert rights == {"create": ("secret-key",), "a-list": ()}

    def test_tells_each_function_its_name(self) -> None:
        assert {it.purpose: it.environment["SEMANTEST_FUNCTION"] for it in all_of(ServerlessFunction, several())} == {
            "create": "create",
            "a-list": "a-list",
        }

    def test_leads_each_route_to_its_function(self) -> None:
        assert {str(it): it.target for it in the(HttpApi, several()).endpoints} == {
            "POST /todos": "live-create",
            "GET /todos": "live-a-list",
        }

    def test_has_alarms_of_functions_for_each_and_those_of_the_api_once(self) -> None:
        alarms = {it.name: it.function for it in all_of(Alarm, several())}

        assert alarms == {
            "alarm-error-rate-create": "function-create",
            "alarm-error-rate-a-list": "function-a-list",
            "alarm-throttles-create": "function-create",
            "alarm-throttles-a-list": "function-a-list",
            "alarm-concurrency-create": "function-create",
            "alarm-concurrency-a-list": "function-a-list",
            "alarm-latency": "function-create",
            "alarm-server-errors": "function-create",
        }

    def test_has_outputs_of_each_function(self) -> None:
        graph = several()

        assert graph.outputs["function_name_create"] == ("function-create", "name")
        assert {resource for resource, _ in graph.outputs.values()} <= {*names(graph)}

    def test_keeps_the_names_of_the_components_own_handler(self) -> None:
        graph = several(handler="app.handler", routes=[*ROUTES, {"path": "/"}])

        assert {"function", "function-create", "live", "alarm-throttles", "alarm-throttles-create"} < {*names(graph)}
        assert {str(it): it.target for it in the(HttpApi, graph).endpoints}["ANY /"] is None
        assert "SEMANTEST_FUNCTION" not in all_of(ServerlessFunction, graph)[0].environment

    def test_opens_a_health_path_that_a_route_takes(self) -> None:
        routes = [*ROUTES, {"path": "/{proxy+}", "methods": "ANY", "function": "create"}]

        endpoints = the(HttpApi, several(routes=routes, health={"path": "/status"})).endpoints

        assert [(str(it), it.target, it.public) for it in endpoints][-1] == ("GET /status", "live-create", True)
