"""The read-only steps, with and without an intake of the same process."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.domain.errors import ArtifactError, ValidationError
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.application import REST, VARIABLES, InMemoryApp, configuration_of

REQUEST = DeploymentRequested(**asdict(REST), configuration=configuration_of(memory=256))


@pytest.fixture
def preparation(app: InMemoryApp) -> Preparation:
    return Preparation(app.application.validation, app.application.secrets(VARIABLES), app.service)


class TestPreparation:
    async def test_is_reused_once(self, app: InMemoryApp, preparation: Preparation) -> None:
        prepared = await preparation.prepare(REQUEST)

        assert preparation.start(REQUEST) is prepared
        assert preparation.start(REQUEST).settings is None

    async def test_takes_its_steps_for_a_request_that_another_process_accepted(
        self, app: InMemoryApp, preparation: Preparation
    ) -> None:
        validated = await preparation.validate(preparation.start(REQUEST))

        built = await preparation.build_artifact(validated)

        assert validated.settings is not None and built.artifact is not None
        assert (validated.settings.memory, built.artifact.digest) == (256, "d1")

    async def test_raises_what_a_step_finds_wrong(self, app: InMemoryApp, preparation: Preparation) -> None:
        wrong = DeploymentRequested(**asdict(REST), configuration=configuration_of(memory=64))
        app.points.fail("build", ArtifactError("Cannot package it: no."))

        with pytest.raises(ValidationError):
            await preparation.validate(preparation.start(wrong))
        with pytest.raises(ArtifactError):
            await preparation.build_artifact(await preparation.validate(preparation.start(REQUEST)))
