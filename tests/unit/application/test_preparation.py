"""The read-only steps, with and without an intake of the same process."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ValidationError
from semantest_iac.domain.ports.artifact_builder import FunctionSource, PackagingRun
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.application import REST, VARIABLES, InMemoryApp, configuration_of
from tests.fakes.timer import FakeTimer

LIMITER = StepLimiter(FakeTimer())
REQUEST = DeploymentRequested(**asdict(REST), configuration=configuration_of(memory=256))


@pytest.fixture
def preparation(app: InMemoryApp) -> Preparation:
    return Preparation(app.application.validation, app.application.secrets(VARIABLES), app.service, LIMITER)


class TestPreparation:
    async def test_is_reused_once(self, app: InMemoryApp, preparation: Preparation) -> None:
        prepared = await preparation.prepare(REQUEST)

        assert preparation.take_prepared(REQUEST) is prepared
        assert preparation.take_prepared(REQUEST).settings is None

    async def test_is_not_kept_for_a_request_that_nobody_waits_for(self, preparation: Preparation) -> None:
        await preparation.prepare(REQUEST)

        assert preparation.take_prepared(REQUEST).settings is None

    async def test_takes_its_steps_for_a_request_that_another_process_accepted(
        self, app: InMemoryApp, preparation: Preparation
    ) -> None:
        validated = await preparation.validate(preparation.take_prepared(REQUEST))

        built = await preparation.build_artifact(validated)

        assert validated.settings is not None and built.artifact is not None
        assert (validated.settings.memory, built.artifact.digest) == (256, "d1")

    async def test_raises_what_a_step_finds_wrong(self, app: InMemoryApp, preparation: Preparation) -> None:
        wrong = DeploymentRequested(**asdict(REST), configuration=configuration_of(memory=64))
        app.points.fail("build", ArtifactError("Cannot package it: no."))

        with pytest.raises(ValidationError):
            await preparation.validate(preparation.take_prepared(wrong))
        with pytest.raises(ArtifactError):
            await preparation.build_artifact(await preparation.validate(preparation.take_prepared(REQUEST)))

    async def test_ends_the_programs_of_a_build_that_is_cancelled(self, app: InMemoryApp) -> None:
        waiting: list[PackagingRun] = []
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def wait_for_cancel(source: FunctionSource, run: PackagingRun) -> Artifact:
            waiting.append(run)
            loop.call_soon_threadsafe(begun.set)
            run.cancelled.wait(10)
            raise ArtifactError("Cannot build the source: cancelled.")

        app.artifacts.build = wait_for_cancel  # type: ignore[method-assign,assignment]
        preparation = Preparation(app.application.validation, app.application.secrets(VARIABLES), app.service, LIMITER)
        building = asyncio.ensure_future(preparation.prepare(REQUEST))
        await begun.wait()

        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building

        assert waiting[0].cancelled.is_set()
