"""Configurations that cover every branch of the rest-api's program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component

_TOKEN = {"environment": {"TOKEN": "${secrets.token}", "PLAIN": "seen"}}
_JWT = {"issuer": "https://issuer.example.org", "audience": ["semantest"], "header": "X-Token"}
FUNCTIONS = {"create": {"handler": "todos/create.handler", "environment": {"LIMIT": "5"}}}
FUNCTION_ROUTES = [
    {"path": "/todos", "methods": "POST", "function": "create"},
    {"path": "/todos", "methods": "GET", "handler": "todos/list.handler"},
    {"path": "/todos/{id}", "methods": "ANY", "handler": "todos/list.handler"},
]


def _section(**section: Any) -> dict[str, Any]:
    return {"components": {"rest-api": section}}


VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "secrets": _section(**_TOKEN),
    "authorizer for all": _section(authorizer=_JWT, cors={"origins": ["https://app.example"]}),
    "authorizer": _section(authorizer=_JWT, routes=[{"path": "/items", "methods": ["GET", "POST"]}]),
    "network": _section(network={"private": True}),
    "network with secrets": _section(network={"private": True, "cidr": "10.1.0.0/20"}, **_TOKEN),
    "existing network": _section(network={"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}),
    "warm": _section(instances={"min": 1}),
    "limited": _section(instances={"min": 2, "max": 10}),
    "notified": {"monitoring": {"notify": ["a@example.org", "b@example.org"]}},
    "one alarm": {"monitoring": {"alerts": [{"type": "concurrency", "threshold": 5}]}},
    "no monitoring": {"monitoring": {"enabled": False}},
    "no access log": {"features": {"access_logs": False}},
    "traced": {"features": {"tracing": True}},
    "cors": _section(cors={"origins": ["https://app.example.org"], "credentials": True}),
    "no cors": _section(cors={"origins": []}),
    "functions": _section(source="src", functions=FUNCTIONS, routes=FUNCTION_ROUTES, **_TOKEN),
    "functions beside a handler": _section(
        source="src",
        handler="app.handler",
        routes=[*FUNCTION_ROUTES, {"path": "/"}],
        functions={"create": {**FUNCTIONS["create"], "payload": "1.0"}},
    ),
    "warm functions with an authorizer": _section(
        source="src", functions=FUNCTIONS, routes=FUNCTION_ROUTES, authorizer=_JWT, instances={"min": 1}
    ),
}
SEVERAL_NAMES = _section(
    authorizer=_JWT,
    cors={"origins": ["https://app.example"]},
    routes=[
        {"path": "/users/{id}", "methods": ["ANY"]},
        {"path": "/users/{user}", "methods": ["GET", "OPTIONS"]},
        {"path": "/users/{user}/posts", "methods": ["GET"]},
    ],
)
"""Routes whose variables have several names at the same place."""
ENVIRONMENTS = ("development", "qa", "staging", "production")


def blueprint(
    variant: str | Mapping[str, Any] = "plain",
    environment: str = "development",
    region: str = "us-east-1",
    provider: str = "aws",
) -> Blueprint:
    written = VARIANTS[variant] if isinstance(variant, str) else variant
    settings = resolve_component(DeploymentConfiguration.model_validate(written), "rest-api", environment)
    return build_rest_api(Stack("rest-api", provider, environment, region), 1, settings)
