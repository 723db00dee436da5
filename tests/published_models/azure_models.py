"""Reads the models of Azure's management packages, in both forms in which they are generated.

The older ones have tables (`_attribute_map`, `_validation`), the newer ones annotated fields.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from tests.published_models.findings import Bounds

_PLAIN_KINDS = {"str": "string", "bool": "boolean", "int": "integer", "long": "integer", "float": "number"}
_PLAIN_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


_UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a model; `kind` is `any` where the package leaves it open.

    A list or map has `item`, a model its class.
    """

    kind: str
    required: bool = False
    read_only: bool = False
    bounds: Bounds = _UNBOUNDED
    item: Member | None = None
    model: type | None = None


ANY = Member("any")


@cache
def read_members(model: type, discriminator: str = "") -> Mapping[str, Member]:
    """Return the fields of a model by their names in requests; of its kind that the discriminator names, if it has."""
    model = _find_subtype(model, discriminator) or model
    if hasattr(model, "_attribute_map"):
        return dict(_read_tables(model))
    return dict(_read_fields(model))


def read_discriminator(model: type) -> str:
    """Return the name of the field that tells which kind of the model a value is; empty if there are no kinds."""
    if subtypes := getattr(model, "_subtype_map", None):
        attribute = next(iter(subtypes))
        return str(model._attribute_map[attribute]["key"]).replace("\\.", ".")  # type: ignore[attr-defined]
    for name, field in _list_fields(model):
        if getattr(field, "_is_discriminator", False) and getattr(model, "__mapping__", None):
            return str(field._rest_name_input or name)
    return ""


def _find_subtype(model: type, discriminator: str) -> type | None:
    subtypes = getattr(model, "_subtype_map", None)
    if subtypes:
        name = next(iter(subtypes.values())).get(discriminator)
        return getattr(sys.modules[model.__module__], name) if name else None
    mapping: Mapping[str, type] = getattr(model, "__mapping__", None) or {}
    if discriminator in mapping or not discriminator:
        return mapping.get(discriminator)
    return next((found for it in mapping.values() if it is not model and (found := _find_own(it, discriminator))), None)


def _find_own(model: type, discriminator: str) -> type | None:
    """Return a kind of a kind, which has a table of its own."""
    return _find_subtype(model, discriminator) if "__mapping__" in vars(model) else None


def _read_tables(model: Any) -> Iterator[tuple[str, Member]]:
    """Yield the fields; those that stand deeper come first, so that a field of the model itself takes their place."""
    rows = sorted(model._attribute_map.items(), key=lambda row: -row[1]["key"].count("."))
    for attribute, row in rows:
        rules = model._validation.get(attribute, {})
        bounds = Bounds(
            rules.get("min_length", rules.get("minimum", rules.get("min_items"))),
            rules.get("max_length", rules.get("maximum", rules.get("max_items"))),
            rules.get("pattern", ""),
        )
        member = _read_kind(row["type"], sys.modules[model.__module__])
        path = row["key"].replace("\\.", "\0").split(".")
        yield (
            path[-1].replace("\0", "."),
            Member(
                member.kind,
                bool(rules.get("required")),
                bool(rules.get("readonly")),
                bounds,
                member.item,
                member.model,
            ),
        )


def _read_kind(text: str, module: types.ModuleType) -> Member:
    if text.startswith("["):
        return Member("list", item=_read_kind(text[1:-1], module))
    if text.startswith("{"):
        return Member("map", item=_read_kind(text[1:-1], module))
    if text in _PLAIN_KINDS:
        return Member(_PLAIN_KINDS[text])
    model = getattr(module, text, None)
    return Member("model", model=model) if isinstance(model, type) and not issubclass(model, Enum) else ANY


def _list_fields(model: type) -> Iterator[tuple[str, Any]]:
    for owner in reversed(model.__mro__):
        yield from ((name, field) for name, field in vars(owner).items() if type(field).__name__ == "_RestField")


def _read_fields(model: type) -> Iterator[tuple[str, Member]]:
    annotations: dict[str, Any] = {}
    for owner in reversed(model.__mro__):
        annotations |= inspect.get_annotations(owner)
    models = _find_models_module(model)
    for name, field in _list_fields(model):
        member = _read_annotation(annotations.get(name), models)
        is_optional = type(None) in typing.get_args(annotations.get(name))
        read_only = field._visibility == ["read"]
        yield (
            field._rest_name_input or name,
            Member(member.kind, not is_optional and not read_only, read_only, member.bounds, member.item, member.model),
        )


def _find_models_module(model: type) -> types.ModuleType:
    return sys.modules[model.__module__.rpartition(".")[0]]


def _read_annotation(annotation: Any, models: types.ModuleType) -> Member:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        annotation = getattr(models, annotation.rpartition(".")[2], None)
    if annotation in _PLAIN_TYPES:
        return Member(_PLAIN_TYPES[annotation])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, dict):
        return Member("list" if origin is list else "map", item=_read_annotation(arguments[-1], models))
    if origin in (typing.Union, types.UnionType):
        return _read_union([_read_annotation(it, models) for it in arguments if it is not type(None)])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Member("string", bounds=Bounds(options=tuple(str(it.value) for it in annotation)))
    return Member("model", model=annotation) if isinstance(annotation, type) and any(_list_fields(annotation)) else ANY


def _read_union(members: list[Member]) -> Member:
    """An enum stands beside a plain text, since services add values."""
    enums = [it for it in members if it.bounds.options]
    if enums:
        return enums[0]
    return members[0] if len(members) == 1 else ANY
