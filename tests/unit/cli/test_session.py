"""The filter of queries about recorded stacks."""

from __future__ import annotations

import pytest

from semantest_iac.domain.errors import ValidationError
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.session import StackSelector, build_stack_filter


class TestStackFilter:
    @pytest.mark.parametrize(
        ("selector", "stack"),
        [
            (StackSelector(), "anything.at.all.here"),
            (StackSelector(environment="Prod"), "rest-api.aws.production.us-east-1"),
            (StackSelector(provider="azure", region="West US 2"), "rest-api.azure.development.westus2"),
            (StackSelector(region="eu-west-1"), "rest-api.aws.development.eu-west-1"),
        ],
        ids=["nothing given", "alias", "Azure's own spelling", "region alone"],
    )
    def test_accepts_aliases_and_other_spellings(self, selector: StackSelector, stack: str) -> None:
        assert build_stack_filter(selector, CLOUD_ENTRIES).matches(stack)

    def test_reports_every_unknown_name(self) -> None:
        with pytest.raises(ValidationError) as raised:
            build_stack_filter(StackSelector("rest-apo", "asw", "stagging", "moon"), CLOUD_ENTRIES)

        assert [fault.path for fault in raised.value.faults] == ["component", "provider", "environment", "region"]
        assert raised.value.faults[2].hint.startswith("Did you mean 'staging'?")
