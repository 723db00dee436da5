"""The vocabulary in which a resource type is written down, beyond the shape of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.limits import Evidence
from semantest_iac.infrastructure.simulated_cloud.properties import Property
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties


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


Source: TypeAlias = str | Callable[[Facts], Any]
"""An output: a template over the facts, or a function of them where a template cannot say it."""


def told(source: Source, facts: Facts) -> Any:
    """What a source gives for these facts."""
    return source.format_map(facts) if isinstance(source, str) else source(facts)


class OnDelete(StrEnum):
    """What becomes of a delete while another resource refers to its subject."""

    ALLOW = "allow"
    REFUSE = "refuse"
    CASCADE = "cascade"


@dataclass(frozen=True, slots=True)
class Reference:
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


class Naming(StrEnum):
    """How a provider makes a physical name of a logical one."""

    DASHED = "a dash and seven digits behind it"
    JOINED = "eight digits behind it"
    UUID = "an unrelated UUID"
    COPIED = "the same"


@dataclass(frozen=True, slots=True)
class Hold:
    """For how many virtual seconds the name of a deleted resource stays reserved, and what meets its reuse meanwhile.

    `lifted`: whether the facts of a create ask for the deleted one back. `returns_to`: a template over facts; who
    gives the same text as the deleted resource has the name back.
    """

    seconds: Callable[[Properties], float]
    refusal: Refusal
    lifted: Callable[[Facts], bool] = lambda _: False
    returns_to: str = ""


@dataclass(frozen=True, slots=True)
class Unique:
    """A handle that only one living resource of the type may have in its scope; an empty one claims nothing."""

    handle: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a guard may look at: the request's facts, the others of its scope, the virtual date (ISO), its own past.

    Others that take published code have what they run as `code`.
    `before` holds the outputs until now; it is empty when something is made.
    """

    facts: Facts
    rows: Callable[[str], Sequence[Properties]]
    today: str
    before: Properties


@dataclass(frozen=True, slots=True)
class Guard:
    """A refusal that needs a function: `objects` says whether it applies to this create or update."""

    objects: Callable[[Surroundings], bool]
    refusal: Refusal
    evidence: Evidence
    on_update: bool = True


@dataclass(frozen=True, slots=True)
class Renewal:
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
    identity: Source
    computed: Mapping[str, Source] = field(default_factory=dict)
    planned: Mapping[str, Source] = field(default_factory=dict)
    rendered: Mapping[str, Source] = field(default_factory=dict)
    name: str = ""
    naming: Naming = Naming.DASHED
    within: tuple[str, ...] = ()
    account_wide: bool = False
    handles: tuple[str | Callable[[Facts], Sequence[str]], ...] = ()
    unique: tuple[Unique, ...] = ()
    references: tuple[Reference, ...] = ()
    conditions: tuple[Choice | Requires, ...] = ()
    guards: tuple[Guard, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    in_use: Refusal | None = None
    overwrites: bool = False
    held: Hold | None = None
    kept_by: str = ""
    protected_by: tuple[str, Refusal] | None = None
    takes_code: tuple[Guard, ...] | None = None
    latency: float | Callable[[Facts], float] = 1.0
