"""Terminal events of deployments whose handler raised, or that were cancelled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semantest_iac.application.deployment.recovery import cancelled_event, failure_event
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, ProviderError
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import (
    EnvironmentConfigured,
    InfrastructureRemovalFailed,
    InfrastructureRemovalRequested,
)
from tests.fakes.application import REST, InMemoryApp
from tests.fakes.memory_ledger import a_deploy

DEPLOY = DeploymentRequested(component="rest-api", provider="aws", environment="development", region="us-east-1")
REMOVE = InfrastructureRemovalRequested(
    component="rest-api", provider="aws", environment="development", region="us-east-1"
)


class UnknownRequest(StackRequest):
    """A request that opens no deployment."""

    type_name = "infrastructure.unknown.requested"


OTHER_REQUEST = UnknownRequest(component="rest-api", provider="aws", environment="development", region="us-east-1")
NO_REQUEST = EnvironmentConfigured(environment="qa", provider="aws", region="us-east-1")


class TestCancelledEvent:
    @pytest.mark.parametrize(
        ("state", "was_interrupted", "words"),
        [
            (DeploymentStatus.PLANNED, False, "before anything was changed"),
            (DeploymentStatus.ROLLING_BACK, False, "while rolling back"),
            (DeploymentStatus.VALIDATING, True, "while validating; the next deployment continues"),
        ],
        ids=["unchanged", "changing", "changed by an earlier run"],
    )
    def test_says_how_far_the_deployment_was(self, state: DeploymentStatus, was_interrupted: bool, words: str) -> None:
        deployment = replace(Deployment.from_request(DEPLOY), status=state, was_interrupted=was_interrupted)

        assert words in cancelled_event(deployment).reason


class TestFailureEvent:
    @pytest.mark.parametrize(
        ("request_event", "kind"),
        [(DEPLOY, DeploymentFailed), (REMOVE, InfrastructureRemovalFailed)],
        ids=["deployment", "removal"],
    )
    def test_is_of_the_kind_of_the_request_and_caused_by_it(
        self, app: InMemoryApp, request_event: StackRequest, kind: type
    ) -> None:
        failure = failure_event(app.ledger, request_event, DeploymentError("Bad.", "WORSE"))

        assert type(failure) is kind
        assert failure is not None
        assert (failure.code, failure.previous_event_ids) == ("WORSE", (request_event.id,))

    def test_names_the_resource_that_the_cloud_refused(self, app: InMemoryApp) -> None:
        failure = failure_event(app.ledger, DEPLOY, ProviderError("No.", provider="aws", resource="urn:x"))

        assert isinstance(failure, DeploymentFailed)
        assert failure.resource == "urn:x"

    @pytest.mark.parametrize("event", [NO_REQUEST, OTHER_REQUEST], ids=["no request", "another request"])
    def test_is_none_for_events_that_open_no_deployment(
        self, app: InMemoryApp, event: EnvironmentConfigured | UnknownRequest
    ) -> None:
        assert failure_event(app.ledger, event, ValueError()) is None

    async def test_is_none_where_the_deployment_has_ended(self, app: InMemoryApp) -> None:
        await app.bus.record(DEPLOY)
        await app.ledger.append(str(REST), None, a_deploy(DEPLOY.deployment_id, changes={})[1:])

        assert failure_event(app.ledger, DEPLOY, ValueError()) is None
