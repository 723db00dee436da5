"""What the tests of events share: a request, and a way to see what was wrong with a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.forms.fields import EventFormError

Reader = Callable[[Mapping[str, Any]], object]


@pytest.fixture
def request_event() -> DeploymentRequested:
    """Rest-api on AWS in development, always with the same id and time."""
    return DeploymentRequested(
        id=UUID("11111111-2222-4333-8444-555555555555"),
        occurred_at=datetime(2026, 11, 20, 10, 27, 3, 669_001, tzinfo=UTC),
        component="rest-api",
        provider="aws",
        environment="development",
        region="us-east-1",
    )


@pytest.fixture
def causes(request_event: DeploymentRequested) -> tuple[Event, Event]:
    """Two events that others may follow from; the second belongs to another correlation."""
    return request_event, Event(correlation_id="another")


@pytest.fixture
def faults_of() -> Callable[[Reader, Any], list[str]]:
    """Reads a form that has to be refused and gives every fault as text."""

    def read(reader: Reader, form: Any) -> list[str]:
        with pytest.raises(EventFormError) as refusal:
            reader(form)
        return [str(fault) for fault in refusal.value.faults]

    return read
