"""A rollback of code alone on AWS moves the alias of every function that has the package, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.deployment_specs import DeploymentSpec, build_spec
from semantest_iac.bootstrap.application import Application

_SERVICE = "def handler(event, context):\n    return {{'statusCode': 200, 'body': '{name}'}}\n"
_SECRETS = {"SEMANTEST_SECRET_JWT_SECRET": "0123456789abcdef0123456789abcdef"}
_ROUTE = {"methods": "GET"}
COMPONENTS: Mapping[str, tuple[dict[str, Any], set[str], dict[str, str]]] = {
    "websocket": (
        {
            "handler": "app.handler",
            "environment": {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.jwt_secret}"},
        },
        {"live"},
        {"function_version": "1"},
    ),
    "rest-api": (
        {
            "functions": {"a": {"handler": "app.handler"}, "b": {"handler": "app.handler"}},
            "routes": [{**_ROUTE, "path": "/a", "function": "a"}, {**_ROUTE, "path": "/b", "function": "b"}],
        },
        {"live-a", "live-b"},
        {"function_version_a": "1", "function_version_b": "1"},
    ),
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_moves_every_alias_of_the_code(tmp_path: Path, component: str) -> None:
    settings, aliases, versions = COMPONENTS[component]
    application = Application(tmp_path / ".semantest")
    (tmp_path / "service").mkdir()

    def accept(name: str) -> DeploymentSpec:
        (tmp_path / "service" / "app.py").write_text(_SERVICE.format(name=name), encoding="utf-8")
        section: Mapping[str, Any] = {"source": str(tmp_path / "service"), "runtime": "python3.13", **settings}
        values = {"provider": "aws", "components": {component: section}}
        return build_spec(component, application.configuration(environ=_SECRETS, values=values), application)

    rows = []
    for name in ("one", "two"):
        spec = accept(name)
        use_cases = application.deployments(spec.variables, engine=spec.engine)
        rows.append(asyncio.run(use_cases.deploy(spec.stack, spec.configuration, settings=spec.settings)))

    plan = asyncio.run(use_cases.preview_rollback(spec.stack, rows[0].deployment)).plan
    row = asyncio.run(use_cases.rollback(spec.stack, rows[0].deployment))
    rest = asyncio.run(use_cases.preview_rollback(spec.stack, rows[0].deployment)).plan

    assert ({change.name for change in plan.mutations}, row.state) == (aliases, "completed")
    assert {name: value for name, value in row.outputs.items() if "function_version" in name} == versions
    assert rest.is_empty
