"""Bounds on single values, each with the source it was taken from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Protocol


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
        return _outside(value, self.least, self.most, "must be {bounds}")


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
class Network:
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
        return _outside(network.prefixlen, self.shortest, self.longest, "must have a prefix of {bounds}")


@dataclass(frozen=True, slots=True)
class Length:
    """Text of so many characters, both bounds included."""

    least: int | None
    most: int | None
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return _outside(len(value), self.least, self.most, "must be {bounds} characters long")


@dataclass(frozen=True, slots=True)
class Count:
    """A collection of so many elements, both bounds included."""

    least: int | None
    most: int | None
    evidence: Evidence

    def complaint(self, value: Any) -> str:
        """What is wrong with the value, or nothing."""
        return _outside(len(value), self.least, self.most, "must have {bounds} elements")


def _outside(size: float, least: float | None, most: float | None, wording: str) -> str:
    if (least is None or size >= least) and (most is None or size <= most):
        return ""
    both = least is not None and most is not None
    one = f"at least {least}" if most is None else f"at most {most}"
    return wording.format(bounds=f"{least} to {most}" if both else one)
