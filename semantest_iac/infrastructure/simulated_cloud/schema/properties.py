"""Describes the inputs of a resource type: kind, limits with their sources, and what a change of them means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Final, Protocol, TypedDict, Unpack


class Evidence(StrEnum):
    """The source of a row in the tables."""

    CFN = "CloudFormation schema"
    API = "service API model"
    DOC = "provider documentation"
    OBSERVED = "observed answer"
    TERRAFORM = "Terraform provider"
    PROSE = "provider documentation, read by a program"
    GENERAL = "general knowledge"

    @property
    def is_firm(self) -> bool:
        """True where a row with this evidence may refuse; otherwise it only warns."""
        return self not in (Evidence.GENERAL, Evidence.PROSE)


CFN: Final = Evidence.CFN
API: Final = Evidence.API
DOC: Final = Evidence.DOC
OBSERVED: Final = Evidence.OBSERVED
TERRAFORM: Final = Evidence.TERRAFORM
PROSE: Final = Evidence.PROSE
GENERAL: Final = Evidence.GENERAL


class Limit(Protocol):
    """A limit on one value."""

    @property
    def evidence(self) -> Evidence: ...

    def violation(self, value: Any) -> str:
        """Return what is wrong with the value, or empty text; never repeats the value, which may be secret."""
        ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text in which the expression is found; as in JSON Schema, the expression brings its own anchors."""

    expression: str
    evidence: Evidence

    def violation(self, value: Any) -> str:
        return "" if re.search(self.expression, value) else f"must match {self.expression}"


@dataclass(frozen=True, slots=True)
class OneOf:
    options: tuple[Any, ...]
    evidence: Evidence

    def violation(self, value: Any) -> str:
        return "" if value in self.options else f"must be one of {', '.join(map(str, self.options))}"


@dataclass(frozen=True, slots=True)
class Range:
    """A number between two bounds, both included; None leaves a side open."""

    minimum: float | None
    maximum: float | None
    evidence: Evidence

    def violation(self, value: Any) -> str:
        return _bounds_violation(value, self.minimum, self.maximum, "must be {bounds}")


@dataclass(frozen=True, slots=True)
class Multiple:
    """A whole multiple of a step, or one of a few other values."""

    step: int
    also_allowed: tuple[int, ...]
    evidence: Evidence

    def violation(self, value: Any) -> str:
        is_allowed = value in self.also_allowed or value % self.step == 0
        return "" if is_allowed else f"must be {', '.join(map(str, self.also_allowed))} or a multiple of {self.step}"


@dataclass(frozen=True, slots=True)
class CidrNetwork:
    """An IP network in CIDR notation without host bits, with a prefix between two lengths."""

    shortest_prefix: int
    longest_prefix: int
    evidence: Evidence

    def violation(self, value: Any) -> str:
        try:
            network = ip_network(value)
        except ValueError:
            return "must be a network in CIDR notation without host bits"
        return _bounds_violation(
            network.prefixlen, self.shortest_prefix, self.longest_prefix, "must have a prefix of {bounds}"
        )


@dataclass(frozen=True, slots=True)
class Length:
    """Text of so many characters, both bounds included."""

    minimum: int | None
    maximum: int | None
    evidence: Evidence

    def violation(self, value: Any) -> str:
        return _bounds_violation(len(value), self.minimum, self.maximum, "must be {bounds} characters long")


@dataclass(frozen=True, slots=True)
class NameOrArnLength:
    """A name, or an ARN that ends in one, whose name has so many characters."""

    minimum: int
    maximum: int
    evidence: Evidence

    def violation(self, value: Any) -> str:
        name = value.rpartition(":")[2]
        return _bounds_violation(len(name), self.minimum, self.maximum, "must be {bounds} characters long")


@dataclass(frozen=True, slots=True)
class Count:
    """A collection of so many elements, both bounds included."""

    minimum: int | None
    maximum: int | None
    evidence: Evidence

    def violation(self, value: Any) -> str:
        return _bounds_violation(len(value), self.minimum, self.maximum, "must have {bounds} elements")


def _bounds_violation(size: float, minimum: float | None, maximum: float | None, wording: str) -> str:
    if (minimum is None or size >= minimum) and (maximum is None or size <= maximum):
        return ""
    if minimum is None or maximum is None:
        bounds = f"at most {maximum}" if minimum is None else f"at least {minimum}"
    else:
        bounds = f"{minimum} to {maximum}"
    return wording.format(bounds=bounds)


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
    """The keywords of every property besides its kind and limits; explained in Property."""

    required: bool
    allow_blank: bool
    force_new: bool
    computed_default: bool
    sensitive: bool
    case_insensitive: bool
    reported_differently: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Property:
    """One input of a resource type.

    `allow_blank`: empty text or an empty collection satisfies `required`. `force_new`: a change replaces the resource.
    `computed_default`: the cloud chooses where nothing is written, so removing the input changes nothing. `sensitive`:
    the inventory stores only a fingerprint. `case_insensitive`: case and spaces do not count. `reported_differently`:
    the cloud reports it in another form, or not at all. `default`: what the provider assumes.
    """

    kind: ValueKind
    limits: tuple[Limit, ...] = ()
    required: bool = False
    allow_blank: bool = False
    force_new: bool = False
    computed_default: bool = False
    sensitive: bool = False
    case_insensitive: bool = False
    reported_differently: bool = False
    default: Any = None
    items: Property | None = None
    fields: Mapping[str, Property] = field(default_factory=dict)


def text(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    return Property(ValueKind.TEXT, limits, **traits)


def integer(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    return Property(ValueKind.INTEGER, limits, **traits)


def number(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    return Property(ValueKind.NUMBER, limits, **traits)


def flag(**traits: Unpack[PropertyTraits]) -> Property:
    """Declare a boolean; absent reads as false unless a default says otherwise."""
    return Property(ValueKind.FLAG, **traits)


def json_document(*limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Declare a JSON document, as text or as data; two spellings of one document are equal."""
    return Property(ValueKind.JSON, limits, **traits)


def archive(**traits: Unpack[PropertyTraits]) -> Property:
    """Declare a packaged folder or file; two archives with the same hash are equal."""
    return Property(ValueKind.ARCHIVE, **traits)


def list_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Declare elements whose order matters."""
    return Property(ValueKind.LIST, limits, items=items, **traits)


def set_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Declare elements whose order does not matter."""
    return Property(ValueKind.SET, limits, items=items, **traits)


def map_of(items: Property, *limits: Limit, **traits: Unpack[PropertyTraits]) -> Property:
    """Declare values under keys that the user chooses."""
    return Property(ValueKind.MAP, limits, items=items, **traits)


def block(fields: Mapping[str, Property], **traits: Unpack[PropertyTraits]) -> Property:
    """Declare a nested object with known fields."""
    return Property(ValueKind.BLOCK, fields=fields, **traits)


def for_each(rule: Property, *names: str) -> dict[str, Property]:
    """Return the same property under several names."""
    return dict.fromkeys(names, rule)
