"""What a sandbox child imports while it waits: what services need, and nothing that only platforms need."""

from __future__ import annotations

from semantest_iac.domain.blueprints.components import build_rest_api, build_websocket
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.sandbox_engine.child.__main__ import KINDS_OF_SERVICES

_TOKEN = {"environment": {"TOKEN": "${secrets.token}", "JWT_SECRET": "${secrets.jwt_secret}"}}
_BUILDERS = {"rest-api": build_rest_api, "websocket": build_websocket}


def test_are_the_kinds_of_services() -> None:
    configuration = DeploymentConfiguration.model_validate({"components": dict.fromkeys(_BUILDERS, _TOKEN)})
    kinds = set()
    for component, build in _BUILDERS.items():
        stack = Stack(component, "aws", "development", "us-east-1")
        blueprint = build(stack, 1, resolve_component(configuration, component, stack.environment))
        kinds |= {type(resource).__name__ for resource in blueprint.resources}

    assert kinds == KINDS_OF_SERVICES
