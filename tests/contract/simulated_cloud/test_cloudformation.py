"""The schemas of AWS's types are those of their sources, and rows whose source is CloudFormation agree with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.runtimes import (
    RUNTIME_LIFECYCLES,
    RuntimeLifecycle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import Evidence, Property
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice
from tools import generate_aws_schemas as generator
from tools.aws_resources import RESOURCES

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AWS_TYPES))


class TestSchemas:
    def test_are_those_of_the_sources(self) -> None:
        written = {file.name: file.read_text(encoding="utf-8") for file in generator.TARGET.iterdir()}

        assert written == generator.files()

    def test_are_there_for_every_type_and_no_other(self) -> None:
        assert RESOURCES.keys() == AWS_TYPES.keys()

    def test_are_of_cloudformation_or_have_a_reason(self) -> None:
        assert [
            token for token, source in RESOURCES.items() if bool(source.cloudformation) == bool(source.reason)
        ] == []

    def test_are_read_at_every_depth(self) -> None:
        """Names that are matched wrongly, or not at all, would leave a type without limits."""
        limited = {token for token, rule in AWS_TYPES.items() if any(_cloudformation_limits(rule.properties))}

        assert len(limited) > len(AWS_TYPES) / 2


class TestConditions:
    @EVERY_TYPE
    def test_of_several_properties_are_in_the_schema(self, type_: str) -> None:
        source = generator.CloudFormationType(RESOURCES[type_])
        stated = [
            one for one in AWS_TYPES[type_].conditions if isinstance(one, Choice) and one.evidence is Evidence.CFN
        ]

        assert [one.names for one in stated if not _is_stated(one, source)] == []


class TestRuntimes:
    @pytest.fixture
    def lifecycles(self) -> dict[str, dict[str, str]]:
        file = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
        found: dict[str, dict[str, str]] = json.loads(file.read_text())
        return found

    def test_end_on_the_published_dates(self, lifecycles: dict[str, dict[str, str]]) -> None:
        published = {
            name: RuntimeLifecycle(dates["deprecated"], dates["create-block"], dates["update-block"])
            for name, dates in lifecycles.items()
            if dates["create-block"] and dates["update-block"]
        }

        assert published == RUNTIME_LIFECYCLES


def _cloudformation_limits(properties: Mapping[str, Property]) -> Iterator[Any]:
    for known in properties.values():
        inner = known.items or known
        yield from (limit for limit in (*known.limits, *inner.limits) if limit.evidence is Evidence.CFN)
        yield from _cloudformation_limits(inner.fields)


def _is_stated(choice: Choice, source: generator.CloudFormationType) -> bool:
    names = [source.find((name,))[0] for name in choice.names]
    if choice.minimum == 0:
        excluded = source.schema.get("dependentExcluded", {})
        return all(later in excluded.get(first, ()) for first in names[:1] for later in names[1:])
    groups = [set(source.schema.get(key, ())) for key in ("requiredXor", "requiredOr")]
    return any(set(names) <= group for group in groups)
