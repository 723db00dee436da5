"""Tags of the configuration reach every resource that takes tags, beside those of the stack."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.physical_names import STACK_TAG_NAMES, stack_tags
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from tests.unit.cloud_programs.recorder import record_program

_TOKEN = {"environment": {"TOKEN": "${secrets.token}", "JWT_SECRET": "${secrets.jwt_secret}"}}
_STACKS = [
    Stack(component, provider, "staging", CLOUDS[provider].regions[0])
    for component, provider in [
        *(("rest-api", "aws"), ("websocket", "aws"), ("account", "aws"), ("rest-api", "azure"), ("websocket", "azure"))
    ]
]
_OTHER_TAGS = {"azure-native:apimanagement:NamedValue", "azure-native:operationalinsights:SavedSearch"}
"""Types with words of their own service under this name, which are no tags of the cloud."""


def _configuration(stack: Stack) -> dict[str, Any]:
    sections = {
        "rest-api": {"network": {"private": True}, **_TOKEN, "tags": {"cost-center": "b"}},
        "websocket": {**_TOKEN, "tags": {"cost-center": "b"}},
    }
    components = {stack.component: sections[stack.component]} if stack.is_service else {}
    return {"tags": {"team": "qa", "cost-center": "a"}, "components": components}


@pytest.mark.parametrize("stack", _STACKS, ids=str)
def test_every_resource_that_takes_tags_has_all_of_them(stack: Stack) -> None:
    configuration = DeploymentConfiguration.model_validate(_configuration(stack))
    settings = resolve_component(configuration, stack.component, stack.environment)
    types = {**AWS_TYPES, **AZURE_TYPES}
    expected = stack_tags(str(stack), 1) | {"team": "qa", "cost-center": "b" if stack.is_service else "a"}

    registered = [it for it in record_program(BLUEPRINTS[stack.component](stack, 1, settings)) if it.type in types]
    taggable = [it for it in registered if "tags" in types[it.type].properties and it.type not in _OTHER_TAGS]

    assert taggable
    assert {it.type: it.inputs.get("tags", {}).items() >= expected.items() for it in taggable} == dict.fromkeys(
        (it.type for it in taggable), True
    )
    assert not any("tags" in it.inputs for it in registered if it not in taggable)


def test_the_names_of_our_tags_are_those_that_are_refused() -> None:
    assert tuple(stack_tags("rest-api.aws.qa.us-east-1", 1)) == STACK_TAG_NAMES
