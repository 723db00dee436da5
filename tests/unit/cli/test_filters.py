"""Which stacks a question is about."""

from __future__ import annotations

import pytest

from semantest_iac.domain.environments.providers import OURS
from semantest_iac.domain.errors import ValidationError
from semantest_iac.presentation.cli.filters import stack_filter
from semantest_iac.presentation.cli.words import Words


class TestStackFilter:
    @pytest.mark.parametrize(
        ("words", "stack"),
        [
            (Words(), "anything.at.all.here"),
            (Words(environment="Prod"), "rest-api.aws.production.us-east-1"),
            (Words(provider="azure", region="West US 2"), "rest-api.azure.development.westus2"),
            (Words(region="eu-west-1"), "rest-api.aws.development.eu-west-1"),
        ],
        ids=["nothing said", "alias", "Azure's own spelling", "region alone"],
    )
    def test_takes_the_words_as_people_write_them(self, words: Words, stack: str) -> None:
        assert stack_filter(words, OURS).matches(stack)

    def test_names_every_unknown_word(self) -> None:
        with pytest.raises(ValidationError) as raised:
            stack_filter(Words("rest-apo", "asw", "stagging", "moon"), OURS)

        assert [fault.path for fault in raised.value.faults] == ["component", "provider", "environment", "region"]
        assert raised.value.faults[2].hint.startswith("Did you mean 'staging'?")
