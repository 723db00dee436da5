from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import build_package, find_function_sources
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings, PackageSettings
from semantest_iac.domain.ports.artifact_builder import FunctionApp, FunctionSource
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.control_points import ControlPoints

REST = Stack("rest-api", "aws", "development", "us-east-1")
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")
GUARDED = {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.jwt}"}


def settings(stack: Stack = REST, **section: Any) -> ComponentSettings:
    configuration = DeploymentConfiguration.model_validate({"components": {stack.component: section}})
    return resolve_component(configuration, stack.component, stack.environment)


class TestFindFunctionApp:
    @pytest.mark.parametrize(
        ("section", "source"),
        [
            ({}, FunctionSource()),
            ({"source": "/src", "handler": "a.b"}, FunctionSource(Path("/src"), handler="a.b")),
            ({"source": "/src", "entry": "s.js"}, FunctionSource(Path("/src"), entry="s.js")),
            (
                {"source": "/src", "entry": "s.js", "package": {"exclude": ["docs"], "pass_environment": ["A"]}},
                FunctionSource(Path("/src"), entry="s.js", package=PackageSettings(("docs",), (), ("A",))),
            ),
            ({"entry": "s.js", "runtime": "nodejs22.x"}, FunctionSource(entry="s.js", runtime="nodejs22.x")),
        ],
        ids=["bundled", "handler", "server", "package", "named-runtime"],
    )
    def test_is_read_from_the_settings(self, section: dict[str, Any], source: FunctionSource) -> None:
        assert find_function_sources(REST, settings(**section)) == FunctionApp(source)

    def test_is_another_bundled_service_for_a_websocket(self) -> None:
        assert find_function_sources(WEBSOCKET, settings(WEBSOCKET)) == FunctionApp(
            FunctionSource(bundled="websocket_service")
        )


class TestCompanions:
    def test_check_tokens_if_they_are_required(self) -> None:
        section = {"source": "/src", "handler": "a.b", "runtime": "nodejs24.x", "environment": GUARDED}

        app = find_function_sources(WEBSOCKET, settings(WEBSOCKET, **section))

        assert app is not None
        assert app.companions == {"authorizer": FunctionSource(bundled="websocket_authorizer")}

    @pytest.mark.parametrize("stack", [REST, WEBSOCKET], ids=["http", "open-websocket"])
    def test_are_none_without_tokens(self, stack: Stack) -> None:
        app = find_function_sources(stack, settings(stack))

        assert app is not None
        assert app.companions == {}

    def test_are_packaged_with_the_main_function(self) -> None:
        artifact = build_package(
            FakeArtifactBuilder(ControlPoints()), WEBSOCKET, settings(WEBSOCKET, environment=GUARDED)
        )

        assert artifact is not None
        assert artifact.companions.keys() == {"authorizer"}


class TestBuildPackage:
    def test_returns_none_without_code(self) -> None:
        stack = Stack("account", "aws", "development", "us-east-1")

        assert build_package(FakeArtifactBuilder(ControlPoints()), stack, settings(stack)) is None
