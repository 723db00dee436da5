"""The tables have exactly the inputs and outputs of the provider's SDK."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, resource_types

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.schema.properties import Property, ValueKind

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AWS_TYPES))
_SCALARS = {
    str: {ValueKind.TEXT, ValueKind.JSON},
    int: {ValueKind.INTEGER},
    float: {ValueKind.NUMBER},
    bool: {ValueKind.FLAG},
}


class TestInputs:
    @EVERY_TYPE
    def test_are_those_of_the_sdk_at_every_depth(self, type_: str) -> None:
        assert dict(_shapes(AWS_TYPES[type_].properties)) == dict(_sdk_shapes(_arguments(type_)))

    @EVERY_TYPE
    def test_are_required_where_the_sdk_requires_them(self, type_: str) -> None:
        assert set(_required(AWS_TYPES[type_].properties)) == set(_sdk_required(_arguments(type_)))

    @EVERY_TYPE
    def test_have_the_kind_of_the_sdk(self, type_: str) -> None:
        hints = input_type_types(_arguments(type_))

        differing = [name for name, known in AWS_TYPES[type_].properties.items() if not _fits(known, hints[name])]

        assert differing == []


class TestOutputs:
    @EVERY_TYPE
    def test_are_all_there(self, type_: str) -> None:
        rule = AWS_TYPES[type_]
        ours = rule.properties.keys() | rule.computed.keys() | rule.planned.keys()

        assert _outputs(type_) <= ours

    @EVERY_TYPE
    def test_are_none_that_the_sdk_lacks(self, type_: str) -> None:
        rule = AWS_TYPES[type_]

        assert rule.computed.keys() | rule.planned.keys() <= _outputs(type_)


def _class(type_: str) -> type:
    """Return the SDK's class of a token `aws:module/member:Class`."""
    _, place, name = type_.split(":")
    module = place.partition("/")[0].replace("lambda", "lambda_")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # modules of the SDK warn about their other classes
        found: type = getattr(importlib.import_module(f"pulumi_aws.{module}"), name)
    return found


def _arguments(type_: str) -> type:
    cls = _class(type_)
    found: type = getattr(sys.modules[cls.__module__], f"{cls.__name__}Args")
    return found


def _outputs(type_: str) -> set[str]:
    return set(resource_types(_class(type_)))


def _shapes(properties: Mapping[str, Property], prefix: str = "") -> Iterator[tuple[str, bool]]:
    for name, known in properties.items():
        inner = known if known.fields or known.items is None else known.items
        yield f"{prefix}{name}", bool(inner.fields)
        yield from _shapes(inner.fields, f"{prefix}{name}.")


def _sdk_shapes(arguments: type, prefix: str = "") -> Iterator[tuple[str, bool]]:
    for name, hint in input_type_types(arguments).items():
        inner = _nested(hint)
        yield f"{prefix}{name}", inner is not None
        if inner is not None:
            yield from _sdk_shapes(inner, f"{prefix}{name}.")


def _nested(hint: Any) -> type | None:
    if inspect.isclass(hint) and hint.__name__.endswith("Args"):
        return None if hint.__name__.startswith("Policy") else hint
    return next(filter(None, map(_nested, typing.get_args(hint))), None)


def _required(properties: Mapping[str, Property], prefix: str = "") -> Iterator[str]:
    for name, known in properties.items():
        inner = known if known.fields or known.items is None else known.items
        if known.required:
            yield f"{prefix}{name}"
        yield from _required(inner.fields, f"{prefix}{name}.")


def _sdk_required(arguments: type, prefix: str = "") -> Iterator[str]:
    parameters = inspect.signature(arguments).parameters
    hints = input_type_types(arguments)
    for python, name in input_type_py_to_pulumi_names(arguments).items():
        if parameters[python].default is inspect.Parameter.empty:
            yield f"{prefix}{name}"
        inner = _nested(hints[name])
        if inner is not None:
            yield from _sdk_required(inner, f"{prefix}{name}.")


def _fits(known: Property, hint: Any) -> bool:
    if hint in _SCALARS:
        return known.kind in _SCALARS[hint]
    text = str(hint)
    for marker, kinds in (
        ("Archive", {ValueKind.ARCHIVE}),
        ("typing.Sequence", {ValueKind.LIST, ValueKind.SET}),
        ("typing.Mapping", {ValueKind.MAP}),
        ("PolicyDocument", {ValueKind.JSON}),
        ("_enums.", {ValueKind.TEXT}),
    ):
        if text.startswith(marker) or (marker != "typing.Sequence" and marker != "typing.Mapping" and marker in text):
            return known.kind in kinds
    return known.kind is ValueKind.BLOCK
