"""The frame of the platform's layers: one function builds a layer alone and as a part of the platform."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from semantest_iac.domain.blueprints.platform.layer import LayerContext
from semantest_iac.domain.blueprints.platform.layers import LAYER_BUILDERS, LAYER_FINISHERS, build_layers
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import (
    ENVIRONMENTS,
    LAYER_TYPES,
    PLATFORM_TYPES,
)
from semantest_iac.domain.environments.platform.layer_settings import STORAGE_LAYER
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.resource import Ref, Resource
from tests.layer_sections import layer_values

_STACK = Stack("platform", "aws", "qa", "us-east-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pipe(Resource):
    """A kind of no cloud."""


def settings_of(component: str, environment: str = "qa") -> ComponentSettings:
    configuration = DeploymentConfiguration.model_validate(layer_values(component))
    return resolve_component(configuration, component, environment)


def context_with(*built: Resource) -> LayerContext:
    settings = settings_of("platform")
    assert settings.platform is not None
    return LayerContext(_STACK, settings, settings.platform, {it.name: it for it in built})


class TestContext:
    def test_refers_only_to_what_is_there(self) -> None:
        context = context_with(_Pipe(name="a"), _Pipe(name="b"))

        assert (context.find_ref("a"), context.find_ref("c")) == (Ref("a"), None)
        assert context.find_refs(_Pipe) == (Ref("a"), Ref("b"))
        assert context_with().find_refs(_Pipe) == ()


class TestLayers:
    def test_have_builders(self) -> None:
        assert {*LAYER_BUILDERS} == {*LAYER_TYPES, STORAGE_LAYER}

    def test_of_an_api_are_none(self) -> None:
        with pytest.raises(ValueError, match="no layers"):
            build_layers(_STACK, settings_of("rest-api"))

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_name_every_resource_and_output_once(self, environment: str) -> None:
        layers = build_layers(_STACK, settings_of("platform", environment))
        names = [it.name for layer in layers.values() for it in layer.resources]
        outputs = [name for layer in layers.values() for name in layer.outputs]

        assert len({*names}) == len(names)
        assert len({*outputs}) == len(outputs)
        assert {ref for layer in layers.values() for ref, _ in layer.outputs.values()} <= {*names}

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_need_only_layers_before_them(self, environment: str) -> None:
        layers = build_layers(_STACK, settings_of("platform", environment))
        every, known = {it.name for layer in layers.values() for it in layer.resources}, set[str]()
        for name, layer in layers.items():
            known |= {it.name for it in layer.resources}
            needs = {need for it in layer.resources for need in it.needs()}
            assert needs <= (every if name in LAYER_FINISHERS else known)

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_are_complete_alone(self, environment: str) -> None:
        for component in PLATFORM_TYPES:
            stack = Stack(component, "azure", environment, "eastus")
            blueprint = BLUEPRINTS[component](stack, 1, settings_of(component, environment))

            assert len([*blueprint.in_order()]) == len(blueprint.resources) > 0
