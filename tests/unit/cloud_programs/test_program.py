"""What holds for the programs of both clouds."""

from __future__ import annotations

import pytest

from tests.unit.cloud_programs.recorder import record_program
from tests.unit.cloud_programs.variants import blueprint


@pytest.mark.parametrize(("provider", "region"), [("aws", "us-east-1"), ("azure", "eastus")])
def test_tell_nobody_where_in_the_code_a_resource_is(provider: str, region: str) -> None:
    registrations = record_program(blueprint("plain", "development", region, provider))

    assert len(registrations) > 1
    assert not any(registration.has_position for registration in registrations)
