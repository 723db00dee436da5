"""How far back a stack is brought, and for how long that is tried."""

from __future__ import annotations

import pytest

from semantest_iac.application.deployment.recorder import StepRecorder
from semantest_iac.application.deployment.rollback import Rollback, find_last_good
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, VerificationError
from semantest_iac_events.deployments import DeploymentNeedsOperator, DeploymentRequested
from tests.fakes.house import ACCOUNT, REST, House
from tests.fakes.memory_ledger import a_deploy


def a_request() -> DeploymentRequested:
    return DeploymentRequested(component="rest-api", provider="aws", environment="development", region="us-east-1")


class TestGoingBack:
    async def test_is_given_up_in_the_end(self, house: House) -> None:
        house.points.hold("remove")
        service = DeploymentService(house.provisioner, house.artifacts, house.probe)
        rollback = Rollback(service, house.ledger, house.ticks.append, limit_s=0.01)
        request = a_request()

        end = await rollback.run(VerificationError("Bad."), request, StepRecorder(house.bus, request))

        assert isinstance(end, DeploymentNeedsOperator)
        assert end.reason == "Bad. Rollback failed: Cannot roll back within 0 seconds."


class TestLastGood:
    async def test_is_nothing_before_the_first_deployment(self, house: House) -> None:
        assert find_last_good(house.ledger, REST) is None

    async def test_is_what_completed_last_with_its_settings_and_package(self, house: House) -> None:
        await house.deploy(memory=256)
        good = await house.deploy(memory=1024)
        house.artifacts.digest, house.probe.answers = "d2", [500]
        await house.deploy(memory=2048)

        found = find_last_good(house.ledger, REST)

        assert found is not None and found.artifact is not None
        assert (found.deployment, found.settings.memory) == (good.deployment, 1024)
        assert (found.artifact.digest, found.artifact.environment) == ("d1", {"SHIM": "on"})

    async def test_has_the_packages_of_all_its_functions(self, house: House) -> None:
        stack = Stack("websocket", "aws", "development", "us-east-1")
        guarded = {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.token}"}
        await house.deploy(stack, environment=guarded)

        found = find_last_good(house.ledger, stack)

        assert found is not None and found.artifact is not None
        assert found.artifact.companions["authorizer"].digest == "d1"

    async def test_has_no_package_where_no_code_is_run(self, house: House) -> None:
        good = await house.deploy(ACCOUNT)

        found = find_last_good(house.ledger, ACCOUNT)

        assert found is not None
        assert (found.deployment, found.artifact) == (good.deployment, None)

    async def test_is_nothing_after_a_removal(self, house: House) -> None:
        await house.deploy()
        await house.use_cases.destroy(REST)

        assert find_last_good(house.ledger, REST) is None

    async def test_is_refused_when_its_package_is_not_on_record(self, house: House) -> None:
        request = a_request()
        await house.bus.record(request)
        await house.ledger.append(str(REST), None, a_deploy(request.deployment_id)[1:])

        with pytest.raises(NotFoundError, match=f"Cannot roll back to deployment '{request.deployment_id}'"):
            find_last_good(house.ledger, REST)

    async def test_is_refused_when_a_secret_was_taken_out_of_it(self, house: House) -> None:
        await house.deploy(environment={"MODE": "hunter2-canary"})

        with pytest.raises(NotFoundError, match="does not hold all of it"):
            find_last_good(house.ledger, REST)
