"""Several functions behind one API, as they are configured."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import (
    DeploymentConfiguration,
    derive_function_name,
    find_secret_names,
    resolve_component,
)
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.infrastructure.clouds.registry import CLOUDS

CREATE, SHOW = {"handler": "todos/create.handler"}, {"handler": "todos/show.handler"}


def configuration(**section: Any) -> DeploymentConfiguration:
    return DeploymentConfiguration.model_validate({"components": {"rest-api": {"source": "src", **section}}})


def resolve(**section: Any) -> ComponentSettings:
    return resolve_component(configuration(**section), "rest-api", "development")


def validate(provider: str, component: str, section: Any) -> ValidationReport:
    stack = Stack(component, provider, "development", CLOUDS[provider].regions[0])
    values = {"components": {component: {"source": "src", **section}}}
    return ValidationService(date(2026, 11, 29), CLOUDS).validate(stack, DeploymentConfiguration.model_validate(values))


def faults(provider: str = "aws", component: str = "rest-api", **section: Any) -> dict[str, str]:
    """The faults by path, without the component."""
    report = validate(provider, component, section)
    return {fault.path.removeprefix(f"components.{component}."): fault.message for fault in report.faults}


def warnings(**section: Any) -> dict[str, str]:
    """The warnings by path, without the component."""
    report = validate("aws", "rest-api", section)
    return {warning.path.removeprefix("components.rest-api."): warning.message for warning in report.warnings}


def route(path: str = "/todos", methods: str | list[str] = "GET", **more: str) -> dict[str, Any]:
    return {"path": path, "methods": methods, **more}


class TestNames:
    @pytest.mark.parametrize(
        ("handler", "name"),
        [
            ("todos/create.handler", "todos-create"),
            ("handler.hello", "handler-hello"),
            ("src/getTodo.main", "src-get-todo-main"),
            ("app.handler", "app"),
        ],
    )
    def test_are_derived_from_handlers(self, handler: str, name: str) -> None:
        assert derive_function_name(handler) == name


class TestRoutes:
    @pytest.mark.parametrize(
        ("written", "methods"),
        [("get", ("GET",)), ("ANY", ("ANY",)), (["get", "POST"], ("GET", "POST"))],
    )
    def test_take_methods_as_one_word_and_in_any_case(self, written: Any, methods: tuple[str, ...]) -> None:
        assert resolve(handler="app.handler", routes=[route(methods=written)]).routes[0].methods == methods

    def test_with_the_same_handler_share_a_function(self) -> None:
        settings = resolve(
            functions={"create": CREATE},
            routes=[
                route(methods="POST", **CREATE),
                route(methods="PUT", function="create"),
                route("/{id}", **SHOW),
                route("/{id}", "HEAD", **SHOW),
            ],
        )

        assert [it.function for it in settings.routes] == ["create", "create", "todos-show", "todos-show"]
        assert settings.function_names == ("create", "todos-show")

    def test_without_a_function_are_answered_by_the_components_own_handler(self) -> None:
        settings = resolve(
            handler="app.handler", routes=[route(), route("/{id}", **SHOW), route("/a", handler="app.handler")]
        )

        assert [it.function for it in settings.routes] == ["", "todos-show", ""]
        assert settings.function_names == ("", "todos-show")


class TestFunctions:
    def test_take_from_the_component_what_they_do_not_set(self) -> None:
        settings = resolve(
            memory=256,
            timeout=9,
            environment={"A": "component", "B": "${secrets.b}"},
            functions={
                "create": {**CREATE, "memory": 1024, "timeout": 20, "environment": {"A": "own", "C": "${secrets.c}"}}
            },
            routes=[route(function="create"), route("/{id}", **SHOW)],
        )
        create, show = settings.for_function("create"), settings.for_function("todos-show")

        assert (create.memory, create.timeout, show.memory, show.timeout) == (1024, 20, 256, 9)
        assert (create.environment["A"], show.environment["A"]) == ("own", "component")
        assert (create.secrets, show.secrets) == ({"B": "b", "C": "c"}, {"B": "b"})
        assert (settings.secret_keys, settings.integration_timeout) == (("b", "c"), 20)

    def test_have_code_runtime_and_format_of_their_own(self) -> None:
        settings = resolve(
            runtime="nodejs24.x",
            payload="1.0",
            functions={
                "new": {**CREATE, "payload": 2.0, "runtime": "nodejs22.x"},
                "site": {"app": "main:app", "runtime": "python3.13"},
                "old": CREATE,
            },
            routes=[route(f"/{name}", function=name) for name in ("new", "site", "old")],
        )
        of = {name: settings.for_function(name) for name in settings.function_names}

        assert {name: (it.handler, it.app, it.runtime, it.payload) for name, it in of.items()} == {
            "new": ("todos/create.handler", None, "nodejs22.x", "2.0"),
            "site": (None, "main:app", "python3.13", "2.0"),
            "old": ("todos/create.handler", None, "nodejs24.x", "1.0"),
        }

    def test_name_secrets_that_must_have_values(self) -> None:
        section = configuration(
            functions={"create": {**CREATE, "environment": {"C": "${secrets.c}"}}}, environment={"B": "${secrets.b}"}
        ).components["rest-api"]

        assert find_secret_names("rest-api", "development", section) == {"b", "c"}

    def test_are_none_for_a_component_with_one_handler(self) -> None:
        settings = resolve(handler="app.handler", routes=[route()])

        assert (settings.functions, settings.function_names, settings.has_main_function) == ((), ("",), True)


class TestHealth:
    @pytest.mark.parametrize(
        ("routes", "path"),
        [
            ([route("/{id}", **SHOW), route("/todos", **SHOW)], "/todos"),
            ([route("/todos", **SHOW), route("/health", **CREATE)], "/health"),
            ([route("/todos", **SHOW), route("/{proxy+}", "ANY", **CREATE)], "/todos"),
            ([route("/todos/{id}", **SHOW), route("/{proxy+}", "ANY", **CREATE)], "/health"),
            ([route("/todos", "POST", **CREATE), route("/{id}/x", **SHOW)], None),
        ],
    )
    def test_is_asked_where_a_route_takes_a_plain_get(self, routes: list[Any], path: str | None) -> None:
        assert resolve(routes=routes).health_path == path

    def test_is_asked_of_a_route_without_a_token(self) -> None:
        routes = [route("/todos", **SHOW), {**route("/open", **CREATE), "public": True}]

        assert (
            resolve(routes=routes, authorizer={"issuer": "https://a.example", "audience": ["a"]}).health_path == "/open"
        )

    def test_is_asked_by_the_routes_of_a_handler_too(self) -> None:
        assert resolve(handler="app.handler", routes=[route("/{id}", **SHOW), route("/todos")]).health_path == "/todos"
        assert resolve(handler="app.handler", routes=[route("/webhook", "POST")]).health_path is None

    def test_is_asked_as_ever_without_routes_and_of_the_bundled_service(self) -> None:
        assert resolve(handler="app.handler", routes=None).health_path == "/health"
        assert resolve(source=None, routes=[route("/todos")]).health_path == "/health"

    def test_without_a_route_to_ask_is_a_warning(self) -> None:
        assert "nothing is asked" in warnings(handler="app.handler", routes=[route("/webhook", "POST")])["health"]

    def test_of_a_path_that_no_route_takes_is_refused(self) -> None:
        assert faults(routes=[route(**SHOW)], health={"path": "/status"}) == {
            "health.path": "no route takes GET /status"
        }


class TestFaults:
    def test_are_none_for_a_right_configuration(self) -> None:
        assert (
            faults(functions={"create": CREATE}, routes=[route(methods="POST", function="create"), route(**SHOW)]) == {}
        )

    def test_are_all_told_at_once(self) -> None:
        found = faults(
            functions={
                "create": {**CREATE, "memory": 64, "timeout": 0, "environment": {"1": "x"}},
                "idle": SHOW,
                "Upper": {"handler": "x.handler"},
                "bare": {},
                "site": {"app": "main", "handler": "a.handler", "payload": "1.0", "runtime": "nodejs4.x"},
            },
            routes=[
                route(function="create"),
                route(function="crate"),
                route(**CREATE, function="create"),
                route("todos", "PUT", function="bare"),
                route("/a"),
                route("/b", handler="../b.handler"),
                route("/c", function="Upper"),
                route("/d", function="site"),
            ],
        )

        assert found == {
            "functions.create.memory": "memory must be 128 to 10240 MB, not 64",
            "functions.create.timeout": "timeout must be 1 s or more, not 0",
            "functions.create.environment.1": "not the name of a variable",
            "functions.idle": "no route uses it",
            "functions.Upper": "not the name of a function",
            "functions.bare.handler": "missing",
            "functions.site.app": "nodejs4.x runs no ASGI or WSGI application",  # the last of three
            "functions.site.payload": "an application receives HTTP and no events",
            "functions.site.runtime": "'nodejs4.x' is not a runtime of aws",
            "routes[1]": "'GET /todos' is listed twice",
            "routes[1].function": "'crate' is not a function",
            "routes[2]": "names a function and a handler",
            "routes[3].path": "'todos' is not a path",
            "routes[4]": "names neither function nor handler",
            "routes[5].handler": "'../b.handler' is not a handler",
        }

    def test_name_handlers_that_would_be_one_function(self) -> None:
        found = faults(routes=[route(handler="a/b.handler"), route("/x", handler="a-b.handler")])

        assert found == {"routes[1].handler": "would be the function 'a-b', and so is a/b.handler"}

    def test_name_a_handler_that_several_functions_have(self) -> None:
        found = faults(
            functions={"one": CREATE, "two": CREATE},
            routes=[route(**CREATE), route("/1", function="one"), route("/2", function="two")],
        )

        assert found == {"routes[0].handler": "the functions one, two all have this handler"}

    def test_name_a_handler_that_no_route_reaches(self) -> None:
        assert faults(handler="app.handler", routes=[route(**SHOW)]) == {"handler": "no route uses it"}

    @pytest.mark.parametrize("own", [{"app": "main:app"}, {"entry": "server.js"}, {"handler": "app.handler"}])
    def test_name_what_no_route_reaches_besides(self, own: dict[str, str]) -> None:
        assert faults(routes=[route(**SHOW), route("/own")], **own) == {}
        assert faults(routes=[route(**SHOW)], **own) == dict.fromkeys(own, "no route uses it")

    def test_name_functions_without_a_source(self) -> None:
        assert "routes" in faults(source=None, routes=[route(**SHOW)])

    def test_name_functions_of_a_websocket(self) -> None:
        found = faults("aws", "websocket", handler="app.handler", functions={"create": CREATE})

        assert found["functions"] == "a WebSocket API has one function, which handles every event"


class TestWarnings:
    def test_count_the_instances_of_all_functions(self) -> None:
        found = warnings(routes=[route(**SHOW), route("/a", **CREATE)], instances={"max": 500})

        assert "500 at once for each of 2 functions need a raised quota" in found["instances.max"]

    def test_name_variables_at_the_same_place(self) -> None:
        paths = ("/users/{id}", "/users/{user}/posts/{id}", "/users/{id}/{rest+}", "/{id}", "/{proxy+}")

        found = warnings(routes=[route(path, **SHOW) for path in paths], health="none")

        assert found == {"routes[1].path": "{user} is {id} in routes[0]"}


class TestAzure:
    ROUTES = (route(function="create"), route("/{id}", **SHOW))

    @pytest.mark.parametrize(
        ("own", "path"),
        [
            ({"memory": 4096}, "functions"),
            ({"timeout": 5}, "functions"),
            ({"runtime": "nodejs22.x"}, "functions"),
            ({"environment": {"AA": "1"}}, "functions.create.environment.AA"),
        ],
    )
    def test_refuses_what_one_app_cannot_tell_apart(self, own: dict[str, Any], path: str) -> None:
        section: dict[str, Any] = {
            "environment": {"AA": "0"},
            "runtime": "nodejs24.x",
            "functions": {"create": {**CREATE, **own}},
            "routes": [*self.ROUTES],
        }

        found = faults("azure", **section)

        assert (list(found), "one app" in found[path]) == ([path], True)
        assert faults("aws", **section) == {}

    def test_accepts_variables_of_one_function(self) -> None:
        assert (
            faults("azure", functions={"create": {**CREATE, "environment": {"AA": "1"}}}, routes=[*self.ROUTES]) == {}
        )

    def test_refuses_a_zip_whose_functions_are_its_own(self) -> None:
        found = faults(
            "azure", source="app.zip", runtime="nodejs24.x", functions={"create": CREATE}, routes=[*self.ROUTES]
        )

        assert "whole Functions app" in found["functions"]
