"""The rules have exactly the outputs of the provider's SDK; their inputs are generated from it."""

from __future__ import annotations

import pytest
from pulumi._types import resource_types

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tools.generate_aws_schemas import sdk_class

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AWS_TYPES))


class TestOutputs:
    @EVERY_TYPE
    def test_are_all_there(self, type_: str) -> None:
        rule = AWS_TYPES[type_]
        ours = rule.properties.keys() | rule.computed.keys() | rule.planned.keys()

        assert resource_types(sdk_class(type_)).keys() <= ours

    @EVERY_TYPE
    def test_are_none_that_the_sdk_lacks(self, type_: str) -> None:
        rule = AWS_TYPES[type_]

        assert rule.computed.keys() | rule.planned.keys() <= resource_types(sdk_class(type_)).keys()
