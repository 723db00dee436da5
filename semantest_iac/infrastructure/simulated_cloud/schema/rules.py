"""Describes a resource type beyond the shape of its inputs: identity, outputs, references, names and guards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Evidence, Property
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties


@dataclass(frozen=True, slots=True)
class Choice:
    """At least `minimum` and at most `maximum` of these properties are given together."""

    minimum: int
    maximum: int
    names: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Requires:
    """Where the property `name` is given, the others are given too."""

    name: str
    others: tuple[str, ...]
    evidence: Evidence


OutputSource: TypeAlias = str | Callable[[RequestFacts], Any]
"""An output: a template over the facts, or a function of them where a template is not enough."""


def resolve_output(source: OutputSource, facts: RequestFacts) -> Any:
    return source.format_map(facts) if isinstance(source, str) else source(facts)


class OnDelete(StrEnum):
    """What a reference means for a delete of the resource that it points at."""

    ALLOW = "allow"
    REFUSE = "refuse"
    CASCADE = "cascade"


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """An input that must name a living resource of one of these types.

    `path` is a dotted path of the input. `pattern` finds the name in a longer text; a text without it refers to
    nothing. `handle` is a template of the handle to look up; it may use `value` and the facts. `fact_name`: the outputs
    of the resource found become a fact of this name.
    """

    path: str
    types: tuple[str, ...]
    refusal: Refusal
    evidence: Evidence
    fact_name: str = ""
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
    """The name of a deleted resource stays reserved for so many virtual seconds; its reuse is refused meanwhile.

    Without a refusal, the provider waits in its create until the name is free, so that nobody hears of it.
    `restores_deleted`: whether the facts of a create restore the deleted resource. `reusable_within` is a template
    over the facts: a create that renders the same text as the deleted resource may reuse the name.
    """

    seconds: Callable[[ResourceProperties], float]
    refusal: Refusal | None
    restores_deleted: Callable[[RequestFacts], bool] = lambda _: False
    reusable_within: str = ""


@dataclass(frozen=True, slots=True)
class UniqueHandle:
    """A handle that only one living resource of the type may have in its scope; empty text claims nothing."""

    handle: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What a guard may look at.

    `resources_of` returns the outputs of the other resources of a type in the same scope, with `id`, and with the
    digest of their `code` where they take code. `today` is the virtual date (ISO). `previous` holds the outputs
    before an update; it is empty for a create.
    """

    facts: RequestFacts
    resources_of: Callable[[str], Sequence[ResourceProperties]]
    today: str
    previous: ResourceProperties


@dataclass(frozen=True, slots=True)
class RequestGuard:
    """A refusal of a create or update that needs a function; `applies` returns True for a request to refuse.

    `applies` may add facts, which the message shows.
    """

    applies: Callable[[GuardContext], bool]
    refusal: Refusal
    evidence: Evidence
    on_update: bool = True


@dataclass(frozen=True, slots=True)
class RecomputedOutputs:
    """Outputs that an update computes again when one of the inputs `causes` changed and the input `only_if` is true."""

    outputs: tuple[str, ...]
    causes: tuple[str, ...]
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """The rules of one resource type.

    Outputs: `identity` is the id; `unique_within` names the inputs that make it unique where it alone is not. `planned`
    outputs are known in a preview, `computed` ones only after an apply; both fill in where an input of that name is
    absent. `rendered` outputs replace inputs of their name, in the form in which the cloud reports them.
    Names: `name_input` is the input that holds the physical name; generated ones end with `name_suffix`. `handles` are
    further names by which others refer to the resource. `name_reservation` says what becomes of the name after a
    delete.
    Life: with `create_overwrites`, a create of an existing resource changes it. Where the input `retain_input` is true,
    the provider leaves the resource alone on delete; where the first of `deletion_protection` is true, the cloud
    refuses the delete. `code_guards` is set for types that take published code, and refuses what may not be published.
    `version_output` is the output that counts what was published; the outputs of each version can still be read.
    `latency_seconds`: virtual seconds of a create or update.
    """

    properties: Mapping[str, Property]
    identity: OutputSource
    computed: Mapping[str, OutputSource] = field(default_factory=dict)
    planned: Mapping[str, OutputSource] = field(default_factory=dict)
    rendered: Mapping[str, OutputSource] = field(default_factory=dict)
    name_input: str = ""
    naming: NamingScheme = NamingScheme.DASHED
    name_suffix: Callable[[ResourceProperties], str] = lambda _: ""
    unique_within: tuple[str, ...] = ()
    account_wide: bool = False
    handles: tuple[str | Callable[[RequestFacts], Sequence[str]], ...] = ()
    unique: tuple[UniqueHandle, ...] = ()
    references: tuple[ResourceReference, ...] = ()
    conditions: tuple[Choice | Requires, ...] = ()
    guards: tuple[RequestGuard, ...] = ()
    recomputed: tuple[RecomputedOutputs, ...] = ()
    in_use_refusal: Refusal | None = None
    create_overwrites: bool = False
    name_reservation: NameReservation | None = None
    retain_input: str = ""
    deletion_protection: tuple[str, Refusal] | None = None
    code_guards: tuple[RequestGuard, ...] | None = None
    version_output: str = ""
    latency_seconds: float | Callable[[RequestFacts], float] = 1.0


class DeferredRule(TypeRule):
    """Rules that are built when something of them is first read: a deployment uses few of the types of its cloud."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[[], TypeRule]) -> None:
        object.__setattr__(self, "_build", build)

    def __getattr__(self, name: str) -> Any:
        """Build the rules; Python asks here while they are not there."""
        rule = object.__getattribute__(self, "_build")()
        for part in fields(TypeRule):
            object.__setattr__(self, part.name, getattr(rule, part.name))
        return object.__getattribute__(self, name)
