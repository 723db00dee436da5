"""What can be done with one deployment."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import DeploymentService, find_component_faults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import ValidationError
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.points import Points
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.service_probe import FakeServiceProbe

REST = Stack("rest-api", "aws", "development", "us-east-1")


def settings(**section: Any) -> ComponentSettings:
    configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": section}})
    return resolve_component(configuration, "rest-api", "development")


@pytest.fixture
def probe() -> FakeServiceProbe:
    return FakeServiceProbe(Points())


@pytest.fixture
def service(probe: FakeServiceProbe) -> DeploymentService:
    return DeploymentService(FakeProvisioner(probe.points), FakeArtifactBuilder(probe.points), probe)


class TestBlueprint:
    def test_is_that_of_the_component_for_the_generation(self, service: DeploymentService) -> None:
        graph = service.blueprint(REST, 3, settings())

        assert (graph.stack, graph.generation) == (REST, 3)

    def test_is_refused_for_a_component_that_has_none(self, service: DeploymentService) -> None:
        with pytest.raises(ValidationError) as caught:
            service.blueprint(Stack("platform", "aws", "development", "us-east-1"), 1, settings())

        assert caught.value.faults == find_component_faults("platform")
