"""The inputs of a resource type as tables write them: a kind, its limits, and how a change of it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from semantest_iac.infrastructure.simulated_cloud.limits import Limit


class Kind(StrEnum):
    """The shape of a value on the wire."""

    TEXT = "string"
    INTEGER = "whole number"
    NUMBER = "number"
    FLAG = "boolean"
    LIST = "list"
    SET = "set"
    MAP = "map"
    BLOCK = "object"
    JSON = "JSON document"
    ARCHIVE = "archive"
    ANY = "value"


class Traits(TypedDict, total=False):
    """What a property may say of itself besides its kind and limits."""

    required: bool
    blank: bool
    replaces: bool
    settled: bool
    sealed: bool
    folded: bool
    rewritten: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Property:
    """One input of a type.

    `blank`: where it is required, empty text will do. `replaces`: a change makes a new resource. `settled`: the cloud
    chooses where nothing is written, so removing it changes nothing. `sealed`: never written to the inventory.
    `folded`: case and spaces do not count. `rewritten`: the cloud tells it in another form, or not at all.
    `default`: what the provider assumes.
    """

    kind: Kind
    limits: tuple[Limit, ...] = ()
    required: bool = False
    blank: bool = False
    replaces: bool = False
    settled: bool = False
    sealed: bool = False
    folded: bool = False
    rewritten: bool = False
    default: Any = None
    items: Property | None = None
    fields: Mapping[str, Property] = field(default_factory=dict)


def text(*limits: Limit, **traits: Unpack[Traits]) -> Property:
    """A string."""
    return Property(Kind.TEXT, limits, **traits)


def integer(*limits: Limit, **traits: Unpack[Traits]) -> Property:
    """A whole number."""
    return Property(Kind.INTEGER, limits, **traits)


def number(*limits: Limit, **traits: Unpack[Traits]) -> Property:
    """Any number."""
    return Property(Kind.NUMBER, limits, **traits)


def flag(**traits: Unpack[Traits]) -> Property:
    """True or false; absent reads as false unless a default says otherwise."""
    return Property(Kind.FLAG, **traits)


def document(*limits: Limit, **traits: Unpack[Traits]) -> Property:
    """A JSON document, as text or as data: two spellings of one document are equal."""
    return Property(Kind.JSON, limits, **traits)


def archive(**traits: Unpack[Traits]) -> Property:
    """A packaged folder or file: two archives of one hash are equal."""
    return Property(Kind.ARCHIVE, **traits)


def list_of(items: Property, *limits: Limit, **traits: Unpack[Traits]) -> Property:
    """Elements whose order matters."""
    return Property(Kind.LIST, limits, items=items, **traits)


def set_of(items: Property, *limits: Limit, **traits: Unpack[Traits]) -> Property:
    """Elements whose order does not matter."""
    return Property(Kind.SET, limits, items=items, **traits)


def map_of(items: Property, *limits: Limit, **traits: Unpack[Traits]) -> Property:
    """Values under keys of the user's choice."""
    return Property(Kind.MAP, limits, items=items, **traits)


def block(fields: Mapping[str, Property], **traits: Unpack[Traits]) -> Property:
    """A nested object of known fields."""
    return Property(Kind.BLOCK, fields=fields, **traits)


def alike(rule: Property, *names: str) -> dict[str, Property]:
    """Several properties of one shape."""
    return dict.fromkeys(names, rule)
