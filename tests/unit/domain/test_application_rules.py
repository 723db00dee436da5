"""The key `app` of a component: its form, what excludes it, and where its module may be."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.rules.application_rules import (
    read_project_name,
    read_projects,
    suggest_application,
)
from semantest_iac.infrastructure.clouds.registry import CLOUDS


def faults(component: str = "rest-api", provider: str = "aws", **section: Any) -> list[str]:
    configuration = DeploymentConfiguration.model_validate({"components": {component: section}})
    region = "us-east-1" if provider == "aws" else "eastus"
    report = ValidationService(date(2026, 1, 1), CLOUDS).validate(
        Stack(component, provider, "development", region), configuration
    )
    return [fault.message for fault in report.faults]


class TestCheckApplication:
    @pytest.mark.parametrize(
        "app", ["main:app", "project.wsgi:application", "main:create_app()", "a.b_c.d1:Api.app", "größe:app"]
    )
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_accepts_modules_with_attributes(self, provider: str, app: str) -> None:
        assert faults(provider=provider, source="src", app=app) == []

    @pytest.mark.parametrize(
        "app",
        ["main", "main.app", "main.py:app", "src/main:app", ":app", "main:", "main:app()()", "main:create_app(1)",
         "..main:app", "main: app", "1main:app", "main:app:x", "", "main:\x1b[31m"],
    )  # fmt: skip
    def test_refuses_other_forms(self, app: str) -> None:
        [fault] = faults(source="src", app=app)

        assert fault.endswith("is not an application")
        assert fault.isprintable()

    @pytest.mark.parametrize("other", [{"handler": "app.handler"}, {"entry": "server.js"}])
    def test_refuses_a_second_way_to_answer(self, other: dict[str, str]) -> None:
        [fault] = faults(source="src", app="main:app", **other)

        assert fault == f"there is {next(iter(other))} too, and only one of them can answer requests"

    def test_refuses_a_node_runtime(self) -> None:
        assert faults(source="src", app="main:app", runtime="nodejs22.x") == [
            "nodejs22.x runs no ASGI or WSGI application"
        ]

    @pytest.mark.parametrize(("source", "reason"), [({}, "there is no source"), ({"source": "a.zip"}, "a zip")])
    def test_needs_a_folder(self, source: dict[str, str], reason: str) -> None:
        [fault] = faults(app="main:app", **source)

        assert fault.startswith(reason)

    def test_sees_no_payload(self) -> None:
        assert faults(source="src", app="main:app", payload="1.0") == ["an application receives HTTP and no events"]

    def test_answers_the_routes_without_a_function(self) -> None:
        routes = [{"path": "/a", "handler": "a.handler"}, {"path": "/{rest+}"}]

        assert faults(source="src", app="main:app", routes=routes) == []

    def test_is_for_http(self) -> None:
        assert faults("websocket", source="src", app="main:app") == ["a WebSocket API has no app"]

    def test_is_resolved_and_survives_its_record(self) -> None:
        loaded = DeploymentConfiguration.model_validate({"components": {"rest-api": {"app": "main:app"}}})
        recorded = DeploymentConfiguration.model_validate(loaded.model_dump(mode="json", exclude_unset=True))

        assert resolve_component(recorded, "rest-api", "development").app == "main:app"


class TestReadProjects:
    def test_reads_names_as_they_are_compared(self) -> None:
        text = (
            "# ours\nFastAPI[standard]>=0.115 ; python_version > '3.8'\n-r base.txt\n\nTyping_Extensions\nDjango~=5.2\n"
        )

        assert read_projects(text) == {"fastapi", "typing-extensions", "django"}

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("mangum==0.19.0 --hash=sha256:aa", "mangum"),
            ("Mangum @ https://x/m.whl", "mangum"),
            ("../a", "./../a"),
            (".", "./."),
            ("file:///a", "./file:///a"),
        ],
    )
    def test_reads_the_name_of_a_line(self, line: str, name: str) -> None:
        assert read_project_name(line) == name


class TestSuggestApplication:
    @pytest.mark.parametrize(
        ("project", "words"),
        [("fastapi", "FastAPI: app, such as main:app."), ("django", "Django: app, such as project.wsgi:application."),
         ("flask", "Flask"), ("boto3", "")],
    )  # fmt: skip
    def test_names_app_for_a_framework(self, project: str, words: str) -> None:
        assert words in suggest_application(frozenset({"boto3", project}))
        assert bool(suggest_application(frozenset({project}))) == bool(words)
