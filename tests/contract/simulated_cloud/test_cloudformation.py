"""Rows whose source is CloudFormation agree with its schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.runtimes import (
    RUNTIME_LIFECYCLES,
    RuntimeLifecycle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    Count,
    Evidence,
    Length,
    Limit,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.rules import Choice, DeferredRule
from tools import generate_aws_schemas as generator
from tools.aws_resources import RESOURCES

_BY_HAND = {type_ for type_, rule in AWS_TYPES.items() if not isinstance(rule, DeferredRule)}
EVERY_TYPE = pytest.mark.parametrize("type_", sorted(_BY_HAND))
_BOUNDS = {Range: ("minimum", "maximum"), Length: ("minLength", "maxLength"), Count: ("minItems", "maxItems")}


class TestSchemas:
    def test_are_those_of_the_sources(self) -> None:
        written = {file.name: file.read_text(encoding="utf-8") for file in generator.TARGET.iterdir()}

        assert written == generator.files()

    def test_are_there_for_every_type_and_no_other(self) -> None:
        assert RESOURCES.keys() == AWS_TYPES.keys()


class TestTypes:
    def test_have_a_twin_or_a_reason(self, twins: Mapping[str, Any], without_twin: Mapping[str, str]) -> None:
        assert twins.keys() | without_twin.keys() >= _BY_HAND
        assert not twins.keys() & without_twin.keys()
        assert all(without_twin.values())


class TestLimits:
    @EVERY_TYPE
    def test_equal_those_of_the_schema(
        self, type_: str, twins: Mapping[str, Any], paths: Any, schema: Any, place: Any
    ) -> None:
        twin = twins.get(type_)

        differing = [] if twin is None else list(_differing(type_, twin, paths, schema(twin.cfn), place))

        assert differing == []

    @EVERY_TYPE
    def test_of_types_without_a_twin_do_not_name_it(
        self, type_: str, without_twin: Mapping[str, str], paths: Any
    ) -> None:
        named = [path for path, known in paths(AWS_TYPES[type_].properties) for limit in known.limits if _is_cfn(limit)]

        assert type_ not in without_twin or named == []

    @EVERY_TYPE
    def test_of_several_properties_are_in_the_schema(self, type_: str, twins: Mapping[str, Any], schema: Any) -> None:
        stated = [
            one for one in AWS_TYPES[type_].conditions if isinstance(one, Choice) and one.evidence is Evidence.CFN
        ]

        unknown = [one.names for one in stated if not _is_stated(one, twins[type_], schema(twins[type_].cfn))]

        assert unknown == []


class TestReplacement:
    @EVERY_TYPE
    def test_happens_where_cloudformation_can_only_create(
        self, type_: str, twins: Mapping[str, Any], without_twin: Mapping[str, str], paths: Any, schema: Any
    ) -> None:
        twin = twins.get(type_)
        here = {path for path, known in paths(AWS_TYPES[type_].properties) if known.force_new} - {"region"}
        if twin is None:
            assert type_ in without_twin
            return

        there = {path.removeprefix("/properties/").replace("/", ".") for path in _create_only(schema(twin.cfn))}

        assert twin.only_here.keys() <= here
        assert {twin.path(path) for path in here - twin.only_here.keys()} == there - twin.only_there.keys()
        assert twin.only_there.keys() <= there


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


def _differing(type_: str, twin: Any, paths: Any, schema: Any, place: Callable[..., Any]) -> Iterator[str]:
    for path, known in paths(AWS_TYPES[type_].properties):
        for limit in filter(_is_cfn, known.limits):
            theirs = place(schema, twin.path(path))
            if not _equals(limit, theirs):
                yield f"{path}: {limit} is not {theirs}"


def _is_cfn(limit: Limit) -> bool:
    return limit.evidence is Evidence.CFN


def _equals(limit: Limit, theirs: Mapping[str, Any]) -> bool:
    if isinstance(limit, Pattern):
        return bool(limit.expression == theirs.get("pattern"))
    if isinstance(limit, OneOf):
        return set(limit.options) == set(theirs.get("enum", ()))
    minimum, maximum = _BOUNDS[type(limit)]
    return (limit.minimum, limit.maximum) == (theirs.get(minimum), theirs.get(maximum))  # type: ignore[attr-defined] # all of the table have both


def _create_only(schema: Mapping[str, Any]) -> list[str]:
    return list(schema.get("createOnlyProperties", ()))


def _is_stated(choice: Choice, twin: Any, schema: Mapping[str, Any]) -> bool:
    names = [twin.path(name) for name in choice.names]
    if choice.minimum == 0:
        excluded = schema.get("dependentExcluded", {})
        return all(later in excluded.get(first, ()) for first in names[:1] for later in names[1:])
    groups = [set(schema.get(key, ())) for key in ("requiredXor", "requiredOr")]
    return any(set(names) <= group for group in groups)
