"""Describes a resource type beyond the shape of its inputs: identity, outputs, references, names and guards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Evidence, Property
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties


@dataclass(frozen=True, slots=True)
class Choice:
    """Of these properties at least so many and at most so many are given together."""

    least: int
    most: int
    names: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Requires:
    """Who gives the first property gives the others too."""

    name: str
    others: tuple[str, ...]
    evidence: Evidence


OutputSource: TypeAlias = str | Callable[[RequestFacts], Any]
"""An output: a template over the facts, or a function of them where a template cannot say it."""


def resolve_output(source: OutputSource, facts: RequestFacts) -> Any:
    """What a source gives for these facts."""
    return source.format_map(facts) if isinstance(source, str) else source(facts)


class OnDelete(StrEnum):
    """What becomes of a delete while another resource refers to its subject."""

    ALLOW = "allow"
    REFUSE = "refuse"
    CASCADE = "cascade"


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A value that must name a living resource of one of these types.

    `pattern` draws the name out of a longer text (a text without it refers to nothing). `handle` is a template for
    the name to look up; it may use `value` and the facts. `named` puts the outputs of what was found among the facts.
    """

    path: str
    types: tuple[str, ...]
    refusal: Refusal
    evidence: Evidence
    named: str = ""
    pattern: str = ""
    handle: str = "{value}"
    on_delete: OnDelete = OnDelete.ALLOW


class NamingScheme(StrEnum):
    """How a provider makes a physical name of a logical one."""

    DASHED = "a dash and seven digits behind it"
    JOINED = "eight digits behind it"
    UUID = "an unrelated UUID"
    COPIED = "the same"


@dataclass(frozen=True, slots=True)
class NameReservation:
    """For how many virtual seconds the name of a deleted resource stays reserved, and what meets its reuse meanwhile.

    `lifted`: whether the facts of a create ask for the deleted one back. `returns_to`: a template over facts; who
    gives the same text as the deleted resource has the name back.
    """

    seconds: Callable[[ResourceProperties], float]
    refusal: Refusal
    lifted: Callable[[RequestFacts], bool] = lambda _: False
    returns_to: str = ""


@dataclass(frozen=True, slots=True)
class UniqueHandle:
    """A handle that only one living resource of the type may have in its scope; an empty one claims nothing."""

    handle: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What a guard may look at: the request's facts, the others of its scope, the virtual date (ISO), its own past.

    Others that take published code have what they run as `code`.
    `before` holds the outputs until now; it is empty when something is made.
    """

    facts: RequestFacts
    rows: Callable[[str], Sequence[ResourceProperties]]
    today: str
    before: ResourceProperties


@dataclass(frozen=True, slots=True)
class RequestGuard:
    """A refusal that needs a function: `objects` says whether it applies to this create or update."""

    objects: Callable[[GuardContext], bool]
    refusal: Refusal
    evidence: Evidence
    on_update: bool = True


@dataclass(frozen=True, slots=True)
class RecomputedOutputs:
    """Outputs that an update makes anew when one of the causes changed and `only_if` (an input) is true."""

    outputs: tuple[str, ...]
    causes: tuple[str, ...]
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """All that is known of one resource type.

    `identity` is the id; `within` names the inputs that make it unique where it alone is not. `planned` outputs are
    known in a preview, `computed` ones only after an apply; both fill in where an input of that name is absent.
    `name` is the input that holds the physical name. `handles` are further names by which others refer to it.
    `rendered` outputs stand for inputs of their name, in the form in which the cloud tells them.
    `overwrites`: a create of what exists changes it. `held`: what becomes of the name after a delete.
    `kept_by`: an input that makes the provider leave the resource alone on delete. `protected_by`: an input with which
    the cloud refuses a delete, and its answer. `takes_code`: that code is published to it beside its inputs, with what
    may be refused of that. `latency`: virtual seconds of a create or update.
    """

    properties: Mapping[str, Property]
    identity: OutputSource
    computed: Mapping[str, OutputSource] = field(default_factory=dict)
    planned: Mapping[str, OutputSource] = field(default_factory=dict)
    rendered: Mapping[str, OutputSource] = field(default_factory=dict)
    name: str = ""
    naming: NamingScheme = NamingScheme.DASHED
    within: tuple[str, ...] = ()
    account_wide: bool = False
    handles: tuple[str | Callable[[RequestFacts], Sequence[str]], ...] = ()
    unique: tuple[UniqueHandle, ...] = ()
    references: tuple[ResourceReference, ...] = ()
    conditions: tuple[Choice | Requires, ...] = ()
    guards: tuple[RequestGuard, ...] = ()
    renewals: tuple[RecomputedOutputs, ...] = ()
    in_use: Refusal | None = None
    overwrites: bool = False
    held: NameReservation | None = None
    kept_by: str = ""
    protected_by: tuple[str, Refusal] | None = None
    takes_code: tuple[RequestGuard, ...] | None = None
    latency: float | Callable[[RequestFacts], float] = 1.0
