from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import DeploymentService, find_component_faults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import ArtifactError, Fault, ValidationError
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.artifact_store import FakeArtifactStore
from tests.fakes.control_points import ControlPoints
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.service_probe import FakeServiceProbe

REST = Stack("rest-api", "aws", "development", "us-east-1")


def settings(**section: Any) -> ComponentSettings:
    configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": section}})
    return resolve_component(configuration, "rest-api", "development")


@pytest.fixture
def probe() -> FakeServiceProbe:
    return FakeServiceProbe(ControlPoints())


@pytest.fixture
def service(probe: FakeServiceProbe) -> DeploymentService:
    return DeploymentService(
        FakeProvisioner(probe.points), FakeArtifactBuilder(probe.points), FakeArtifactStore(probe.points), probe
    )


class TestPlan:
    async def test_previews_the_blueprint_of_the_component_and_generation(self, service: DeploymentService) -> None:
        work, plan = await service.plan("d1", REST, 3, settings(), None)

        assert (work.blueprint.stack, work.blueprint.generation) == (REST, 3)
        assert plan.changes.create == len(work.blueprint.resources)

    async def test_is_refused_for_a_component_without_a_blueprint(self, service: DeploymentService) -> None:
        with pytest.raises(ValidationError) as caught:
            unknown = replace(settings(), type="unknown")
            await service.plan("d1", Stack("unknown", "aws", "development", "us-east-1"), 1, unknown, None)

        assert caught.value.faults == find_component_faults("unknown")


class TestPackage:
    def test_is_refused_before_deploying_if_it_cannot_run_where_it_is_checked(
        self, service: DeploymentService, probe: FakeServiceProbe
    ) -> None:
        probe.package_fault = Fault("core.so", "is compiled for another Python")

        with pytest.raises(ArtifactError) as caught:
            service.package(REST, settings())

        assert caught.value.faults == (probe.package_fault,)
