from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.deployment import Deployment, DeploymentId, DeploymentResults
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, Fault, InvalidStateError, ProviderError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.values import ChangeCounts

STACK = Stack("rest-api", "aws", "development", "us-east-1")
REFUSAL = ProviderError("The cloud refused it.", provider="aws", resource="function", hint="Ask again.")


def pending() -> Deployment:
    return Deployment(DeploymentId("d-1"), STACK)


def started() -> Deployment:
    deployment = pending()
    deployment.execute()
    return deployment


def ended(how: str) -> Deployment:
    deployment = started()
    deployment.complete(DeploymentResults()) if how == "completed" else deployment.fail(REFUSAL)
    return deployment


class TestDeploymentId:
    def test_is_its_text(self) -> None:
        assert str(DeploymentId("d-1")) == "d-1"

    def test_is_refused_when_empty(self) -> None:
        with pytest.raises(ValueError, match="needs an id"):
            DeploymentId(" ")

    def test_is_new_each_time(self) -> None:
        assert DeploymentId.new() != DeploymentId.new()


class TestDeployment:
    def test_is_opened_by_a_request(self) -> None:
        request = DeploymentRequested(
            component="rest-api", provider="aws", environment="development", region="us-east-1", deployment_id="d-1"
        )

        assert Deployment.from_request(request) == pending()

    def test_starts(self) -> None:
        deployment = pending()

        event = deployment.execute()

        assert deployment.status is DeploymentStatus.IN_PROGRESS
        assert (event.deployment_id, event.stack) == ("d-1", str(STACK))

    def test_completes_with_its_results(self) -> None:
        deployment = started()

        event = deployment.complete(
            DeploymentResults(ChangeCounts(create=2), {"endpoint": "https://x"}, duration_s=1.5)
        )

        assert deployment.status is DeploymentStatus.COMPLETED
        assert (event.changes.create, event.endpoint, event.duration_s) == (2, "https://x", 1.5)

    @pytest.mark.parametrize("deployment", [pending(), started()], ids=["pending", "in progress"])
    def test_fails_with_the_reason(self, deployment: Deployment) -> None:
        event = deployment.fail(REFUSAL)

        assert deployment.status is DeploymentStatus.FAILED
        assert (event.code, event.reason, event.hint) == ("PROVIDER_ERROR", "The cloud refused it.", "Ask again.")
        assert event.resource == "function"

    def test_names_every_fault_as_reason(self) -> None:
        error = DeploymentError("No.", "CODE", faults=[Fault("a", "is wrong"), Fault("b", "too")])

        assert pending().fail(error).reason == "No. a: is wrong. b: too."

    @pytest.mark.parametrize("deployment", [started(), ended("completed"), ended("failed")], ids=str)
    def test_starts_only_from_pending(self, deployment: Deployment) -> None:
        with pytest.raises(InvalidStateError):
            deployment.execute()

    @pytest.mark.parametrize("deployment", [pending(), ended("completed"), ended("failed")], ids=str)
    def test_completes_only_in_progress(self, deployment: Deployment) -> None:
        with pytest.raises(InvalidStateError):
            deployment.complete(DeploymentResults())

    @pytest.mark.parametrize("how", ["completed", "failed"])
    def test_fails_only_before_its_end(self, how: str) -> None:
        with pytest.raises(InvalidStateError):
            ended(how).fail(REFUSAL)
