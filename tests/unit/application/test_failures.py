"""Failure events and the fields that errors give them."""

from __future__ import annotations

import pytest

from semantest_iac.application.deployment.failures import error_fields, failure_event, removal_error_fields
from semantest_iac.domain.errors import DeploymentError, Fault, ProviderError, ValidationError
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import (
    EnvironmentConfigured,
    InfrastructureRemovalFailed,
    InfrastructureRemovalRequested,
)

DEPLOY = DeploymentRequested(component="rest-api", provider="aws", environment="development", region="us-east-1")
REMOVE = InfrastructureRemovalRequested(
    component="rest-api", provider="aws", environment="development", region="us-east-1"
)


class TestErrorFields:
    def test_hold_every_fault(self) -> None:
        error = ValidationError("Cannot deploy.", faults=[Fault("a", "is wrong"), Fault("b", "too")], hint="Mend it.")

        assert error_fields(error) == {
            "code": "VALIDATION_ERROR",
            "reason": "Cannot deploy. a: is wrong. b: too.",
            "hint": "Mend it.",
        }

    def test_withhold_the_text_of_an_unexpected_error(self) -> None:
        fields = error_fields(KeyError("hunter2"))

        assert fields["code"] == "INTERNAL_ERROR"
        assert fields["reason"] == "An unexpected KeyError stopped the deployment."

    def test_of_a_removal_speak_of_deleting(self) -> None:
        error = ProviderError("Cannot deploy 'group': No.", provider="aws", hint="Deploy again: what is there is kept.")

        fields = removal_error_fields(error)

        assert fields["reason"] == "Cannot delete 'group': No."
        assert fields["hint"].startswith("Destroy again to delete what is left")


class TestFailureEvent:
    @pytest.mark.parametrize(
        ("request_event", "kind"),
        [(DEPLOY, DeploymentFailed), (REMOVE, InfrastructureRemovalFailed)],
        ids=["deployment", "removal"],
    )
    def test_is_of_the_kind_of_the_request_and_caused_by_it(self, request_event: StackRequest, kind: type) -> None:
        failure = failure_event(request_event, DeploymentError("Bad.", "WORSE"))

        assert type(failure) is kind
        assert failure is not None
        assert (failure.code, failure.previous_event_ids) == ("WORSE", (request_event.id,))

    def test_names_the_resource_that_the_cloud_refused(self) -> None:
        failure = failure_event(DEPLOY, ProviderError("No.", provider="aws", resource="urn:x"))

        assert isinstance(failure, DeploymentFailed)
        assert failure.resource == "urn:x"

    def test_is_none_for_events_that_are_no_requests(self) -> None:
        event = EnvironmentConfigured(environment="qa", provider="aws", region="us-east-1")

        assert failure_event(event, ValueError()) is None
