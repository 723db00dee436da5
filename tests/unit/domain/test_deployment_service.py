"""What can be done with one deployment."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import DeploymentService, unsupported
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import Configuration, resolved
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import ValidationError, VerificationError
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.points import Points
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.service_probe import FakeServiceProbe

REST = Stack("rest-api", "aws", "development", "us-east-1")


def settings(**section: Any) -> ComponentSettings:
    configuration = Configuration.model_validate({"components": {"rest-api": section}})
    return resolved(configuration, "rest-api", "development")


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

        assert caught.value.faults == unsupported("platform")


class TestVerify:
    async def test_answers_with_what_the_service_said(self, service: DeploymentService) -> None:
        health = await service.verify(REST)

        assert (health.status, health.path, health.body) == (200, "/health", "GET /health")

    @pytest.mark.parametrize("status", [199, 302, 404, 500])
    async def test_refuses_every_other_answer(
        self, service: DeploymentService, probe: FakeServiceProbe, status: int
    ) -> None:
        probe.answers = [status]

        with pytest.raises(VerificationError, match=f"GET /health answered {status}"):
            await service.verify(REST)

    @pytest.mark.parametrize(
        ("logs", "words"),
        [("", "nothing in the log"), ("starting\nNo module named x\n\n", "No module named x")],
        ids=["silent", "last-line"],
    )
    async def test_quotes_the_last_words_of_the_function(
        self, service: DeploymentService, probe: FakeServiceProbe, logs: str, words: str
    ) -> None:
        probe.answers, probe.logs = [500], logs

        with pytest.raises(VerificationError) as caught:
            await service.verify(REST)
        assert caught.value.hint == f"The function's last words: {words}"

    async def test_keeps_no_part_of_what_is_too_long_to_keep(
        self, service: DeploymentService, probe: FakeServiceProbe
    ) -> None:
        probe.answers, probe.logs = [500], "x" * 501

        with pytest.raises(VerificationError) as caught:
            await service.verify(REST)
        assert caught.value.hint == "The function's last words: (501 characters)"
