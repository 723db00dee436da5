"""Describes the inputs of a resource type: kind, limits with their sources, and how a change of them counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Protocol, TypedDict, Unpack


class Evidence(StrEnum):
    """Where a row comes from."""

    CFN = "CloudFormation schema"
    API = "service API model"
    DOC = "provider documentation"
    OBSERVED = "observed answer"
    TERRAFORM = "Terraform provider"
    GENERAL = "general knowledge"

    @property
    def is_firm(self) -> bool:
        """Whether a row with this evidence may refuse."""
        return self is not Evidence.GENERAL


class Limit(Protocol):
    """One bound on a value; `complaint` never repeats the value, which may be secret."""

    @property
    def evidence(self) -> Evidence:
        """Where the bound comes from."""
        ...

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text in which the expression is found; anchors are the expression's own business, as in JSON Schema."""

    expression: str
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return "" if re.search(self.expression, value) else f"must match {self.expression}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A closed list of values."""

    options: tuple[Any, ...]
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return "" if value in self.options else f"must be one of {', '.join(map(str, self.options))}"


@dataclass(frozen=True, slots=True)
class Range:
    """A number between two bounds, both included; None leaves a side open."""

    least: float | None
    most: float | None
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return _bounds_violation(value, self.least, self.most, "must be {bounds}")


@dataclass(frozen=True, slots=True)
class Multiple:
    """A whole multiple of a step, or one of a few smaller values."""

    step: int
    besides: tuple[int, ...]
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        good = value in self.besides or value % self.step == 0
        return "" if good else f"must be {', '.join(map(str, self.besides))} or a multiple of {self.step}"


@dataclass(frozen=True, slots=True)
class CidrNetwork:
    """An IP network in CIDR notation, whose prefix lies between two lengths; its host bits are zero."""

    shortest: int
    longest: int
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        try:
            network = ip_network(value)
        except ValueError:
            return "must be a network in CIDR notation without host bits"
        return _bounds_violation(network.prefixlen, self.shortest, self.longest, "must have a prefix of {bounds}")


@dataclass(frozen=True, slots=True)
class Length:
    """Text of so many characters, both bounds included."""

    least: int | None
    most: int | None
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return _bounds_violation(len(value), self.least, self.most, "must be {bounds} characters long")


@dataclass(frozen=True, slots=True)
class Count:
    """A collection of so many elements, both bounds included."""

    least: int | None
    most: int | None
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return _bounds_violation(len(value), self.least, self.most, "must have {bounds} elements")


def _bounds_violation(size: float, least: float | None, most: float | None, wording: str) -> str:
    if (least is None or size >= least) and (most is None or size <= most):
        return ""
    both = least is not None and most is not None
    one = f"at least {least}" if most is None else f"at most {most}"
    return wording.format(bounds=f"{least} to {most}" if both else one)


class ValueKind(StrEnum):
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


class PropertyTraits(TypedDict, total=False):
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

    kind: ValueKind
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


def text(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """A string."""
    return Property(ValueKind.TEXT, limits, **traits)


def integer(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """A whole number."""
    return Property(ValueKind.INTEGER, limits, **traits)


def number(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Any number."""
    return Property(ValueKind.NUMBER, limits, **traits)


def flag(**traits: Unpack[PropertyTraits]) -> Property:
    """True or false; absent reads as false unless a default says otherwise."""
    return Property(ValueKind.FLAG, **traits)


def json_document(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """A JSON document, as text or as data: two spellings of one document are equal."""
    return Property(ValueKind.JSON, limits, **traits)


def archive(**traits: Unpack[PropertyTraits]) -> Property:
    """A packaged folder or file: two archives of one hash are equal."""
    return Property(ValueKind.ARCHIVE, **traits)


def list_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Elements whose order matters."""
    return Property(ValueKind.LIST, limits, items=items, **traits)


def set_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Elements whose order does not matter."""
    return Property(ValueKind.SET, limits, items=items, **traits)


def map_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Values under keys of the user's choice."""
    return Property(ValueKind.MAP, limits, items=items, **traits)


def block(fields: Mapping[str, Property], **traits: Unpack[PropertyTraits]) -> Property:
    """A nested object of known fields."""
    return Property(ValueKind.BLOCK, fields=fields, **traits)


def for_each(rule: Property, *names: str) -> dict[str, Property]:
    """Several properties of one shape."""
    return dict.fromkeys(names, rule)
