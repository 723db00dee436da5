"""The last good deployment, and the time limit of a rollback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.application.deployment.recorder import StepRecorder
from semantest_iac.application.deployment.rollback import Rollback, find_last_good
from semantest_iac.application.deployment.step_limits import STEP_LIMITS, StepLimiter
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import NotFoundError, VerificationError
from semantest_iac_events.deployments import DeploymentNeedsOperator, DeploymentRequested
from tests.fakes.application import ACCOUNT, REST, SECRET, InMemoryApp, configuration_of
from tests.fakes.memory_ledger import a_deploy
from tests.fakes.timer import FakeTimer


def a_request() -> DeploymentRequested:
    return DeploymentRequested(component="rest-api", provider="aws", environment="development", region="us-east-1")


def _a_package(request: DeploymentRequested, *, is_verbatim: bool) -> PackageBuilt:
    artifact = Artifact("d1", Path("a.zip"), "app.handler", "python3.12", 1)
    return PackageBuilt.from_artifact(artifact, **identity_of(request), is_verbatim=is_verbatim)


class TestRollback:
    async def test_stops_at_its_time_limit(self, app: InMemoryApp) -> None:
        app.points.hold("remove")
        limits = {"roll_back": replace(STEP_LIMITS["roll_back"], seconds=0.01)}
        recorder_limits = StepLimiter(FakeTimer(), limits=limits)
        rollback = Rollback(app.service, app.ledger, app.progress.append)
        request = a_request()
        applying = replace(Deployment.from_request(request), status=DeploymentStatus.IN_PROGRESS)

        end = await rollback.run(VerificationError("Bad."), request, StepRecorder(app.bus, applying, recorder_limits))

        assert isinstance(end, DeploymentNeedsOperator)
        assert end.reason == "Bad. Rollback failed: Cannot finish rolling back within 0.01 seconds."


class TestLastGood:
    async def test_is_none_before_the_first_deployment(self, app: InMemoryApp) -> None:
        assert find_last_good(app.ledger, REST) is None

    async def test_is_what_completed_last_with_its_settings_and_package(self, app: InMemoryApp) -> None:
        await app.deploy(memory=256)
        good = await app.deploy(memory=1024)
        app.artifacts.digest, app.probe.answers = "d2", [500]
        await app.deploy(memory=2048)

        found = find_last_good(app.ledger, REST)

        assert found is not None and found.package is not None
        assert (found.deployment, found.settings.memory) == (good.deployment, 1024)
        assert (found.package.digest, found.package.variables) == ("d1", {"SHIM": "on"})

    async def test_has_the_packages_of_all_its_functions(self, app: InMemoryApp) -> None:
        stack = Stack("websocket", "aws", "development", "us-east-1")
        guarded = {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.token}"}
        await app.deploy(stack, environment=guarded)

        found = find_last_good(app.ledger, stack)

        assert found is not None and found.package is not None
        assert found.package.companions["authorizer"].digest == "d1"

    async def test_has_no_package_for_a_stack_without_code(self, app: InMemoryApp) -> None:
        good = await app.deploy(ACCOUNT)

        found = find_last_good(app.ledger, ACCOUNT)

        assert found is not None
        assert (found.deployment, found.package) == (good.deployment, None)

    async def test_is_none_after_a_destroy(self, app: InMemoryApp) -> None:
        await app.deploy()
        await app.use_cases.destroy(REST)

        assert find_last_good(app.ledger, REST) is None

    async def test_is_refused_without_a_recorded_package(self, app: InMemoryApp) -> None:
        request = a_request()
        await app.bus.record(request)
        await app.ledger.append(str(REST), None, a_deploy(request.deployment_id)[1:])

        with pytest.raises(NotFoundError, match=f"Cannot roll back to deployment '{request.deployment_id}'"):
            find_last_good(app.ledger, REST)

    @pytest.mark.parametrize("value", [SECRET, f"x-{SECRET}", "***", "a***b"])
    async def test_has_plain_settings_as_they_were(self, app: InMemoryApp, value: str) -> None:
        await app.deploy(environment={"MODE": value})

        found = find_last_good(app.ledger, REST)

        assert found is not None
        assert found.settings.environment["MODE"] == value

    async def test_is_refused_where_an_earlier_version_has_redacted_it(self, app: InMemoryApp) -> None:
        request = a_request().model_copy(update={"configuration": configuration_of(environment={"MODE": "***"})})
        package = _a_package(request, is_verbatim=False)
        for event in (request, package):
            await app.bus.record(event)
        await app.ledger.append(str(REST), None, a_deploy(request.deployment_id)[1:])

        with pytest.raises(NotFoundError, match="does not hold all of it"):
            find_last_good(app.ledger, REST)
