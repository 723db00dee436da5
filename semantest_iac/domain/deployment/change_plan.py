"""The changes that an engine would make, and what causes each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from semantest_iac.domain.deployment.property_changes import ChangeSource, PropertyChange
from semantest_iac_events.values import ChangeCounts, ResourceChange

PropertyOrigins = Mapping[str, Mapping[str, Collection[str]]]
"""By URN and property, the URNs of the resources that the property's value comes from."""


PlannedOperation = Literal["create", "update", "replace", "delete", "same", "keep"]


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The operation on one resource, and the changed properties with their values.

    `loses` names the data that is lost for good: `its log records`. `exposes` says who can reach data that should be
    private, as planned: `anybody can read its blobs`. `differs` says what is different when the change is undone,
    although the configuration is back: `gets another address`. `keeps` names the data because of which a resource stays
    in the cloud when it leaves the stack; without any, it is a setting that other stacks may rely on. `moves_traffic`:
    the change does nothing but lead requests to another version.
    """

    urn: str
    type: str
    name: str
    op: PlannedOperation
    properties: tuple[PropertyChange, ...] = ()
    loses: str = ""
    exposes: str = ""
    differs: str = ""
    keeps: str = ""
    moves_traffic: bool = False

    @property
    def reversible(self) -> Literal["reversible", "lossy", "irreversible"]:
        """Whether going back undoes the change: entirely, but for what differs then, or with data lost for good."""
        return "irreversible" if self.loses else "lossy" if self.differs else "reversible"

    @property
    def why(self) -> tuple[str, ...]:
        """Return the names of the properties that cause the operation, with their sources: `role (identity)`."""
        causes: dict[str, set[str]] = {}
        for change in self.properties:
            if change.replaces or self.op != "replace":
                causes.setdefault(change.property, set()).update(source.name for source in change.sources)
        return tuple(f"{name} ({', '.join(sorted(names))})" if names else name for name, names in causes.items())

    def to_event_value(self) -> ResourceChange:
        """Return the change as events publish it, which never hold values."""
        return ResourceChange(
            urn=self.urn, type=self.type, name=self.name, op=self.op, why=self.why, reversible=self.reversible
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the change as `preview --json` prints it."""
        about: dict[str, Any] = {"urn": self.urn, "type": self.type, "name": self.name, "op": self.op}
        why = [change.as_dict() for change in self.properties]
        about |= {"why": why, "reversible": self.reversible}
        return about | {name: text for name in ("loses", "differs", "keeps") if (text := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class CodeChange:
    """Digests of the package that runs and of the one that is deployed in its place."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PolicyAdvice:
    """What a policy of an engine advises about a resource, which forbids nothing."""

    policy: str
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Every resource with its operation, in the order of an engine.

    `lacks_code`: the deployed resources do not run the package yet, and their cloud takes code separately.
    `published_code` is then the change of code, if one runs already. `drift` is what a refresh found: resources that
    were changed or deleted outside of this tool, with the values before and now. `advice` is that of an engine's
    policies.
    """

    resources: tuple[PlannedChange, ...] = ()
    lacks_code: bool = False
    published_code: CodeChange | None = None
    drift: tuple[PlannedChange, ...] = ()
    advice: tuple[PolicyAdvice, ...] = ()

    @property
    def changes(self) -> ChangeCounts:
        """Return the number of resources per operation."""
        return count_operations(resource.op for resource in self.resources)

    @property
    def is_empty(self) -> bool:
        return self.changes.is_empty and not self.lacks_code

    @property
    def verdict(self) -> str:
        """The word of `preview --json`: `no_change`, `irreversible` if anything is lost for good, else `safe`."""
        if self.is_empty:
            return "no_change"
        return "irreversible" if self.losses else "safe"

    @property
    def mutations(self) -> tuple[PlannedChange, ...]:
        """Return the resources that would change."""
        return tuple(resource for resource in self.resources if resource.op != "same")

    @property
    def losses(self) -> tuple[PlannedChange, ...]:
        """Return the changes that lose data for good, by name: an engine plans them in the order of the moment."""
        return tuple(sorted((change for change in self.mutations if change.loses), key=lambda change: change.name))

    @property
    def code(self) -> CodeChange | None:
        """Return the change of the code, None if the same code goes on running or none ran before."""
        for change in self.resources:
            for it in change.properties:
                if it.is_package and it.old and it.new:
                    return CodeChange(it.old, it.new)
        return self.published_code

    def only_moves_versions(self, ordinary: ChangePlan) -> bool:
        """Whether nothing changes but which published version runs: what follows from new code in the ordinary plan."""
        publishing = {
            change.name for change in ordinary.mutations if any(property_.is_package for property_ in change.properties)
        }
        following = {change.urn for change in ordinary.mutations if _follows_from(change, publishing)}
        return all(change.op == "update" and change.urn in following for change in self.mutations)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as `preview --json` prints it, without the stack's name."""
        return {
            "changes": self.changes.model_dump(),
            "resources": [change.as_dict() for change in self.resources],
            "verdict": self.verdict,
            "drift": [change.as_dict() for change in self.drift],
            **({"code": {"from": self.code.old, "to": self.code.new}} if self.code else {}),
        }


def _follows_from(change: PlannedChange, names: Collection[str]) -> bool:
    """Whether every changed property comes from resources with these names."""
    sources = [{source.name for source in property_.sources} for property_ in change.properties]
    return bool(sources) and all(found and found <= set(names) for found in sources)


def trace_causes(changes: Iterable[PlannedChange], origins: PropertyOrigins) -> ChangePlan:
    """Return the plan with the changing resources that each changed property comes from."""
    changes = tuple(changes)
    changing = {change.urn: ChangeSource(change.name, change.op) for change in changes if change.op != "same"}
    return ChangePlan(tuple(_trace_causes_of(change, origins.get(change.urn, {}), changing) for change in changes))


def _trace_causes_of(
    change: PlannedChange, origins: Mapping[str, Collection[str]], changing: Mapping[str, ChangeSource]
) -> PlannedChange:
    if not change.properties:
        return change
    traced = tuple(_trace_property(it, origins.get(it.property, ()), changing) for it in change.properties)
    return replace(change, properties=traced)


def _trace_property(
    change: PropertyChange, origins: Collection[str], changing: Mapping[str, ChangeSource]
) -> PropertyChange:
    """Return the change with its sources; a known leaf of an object has none, for its neighbours may have them."""
    is_leaf_of_object = change.path != change.property
    if is_leaf_of_object and not change.is_computed:
        return change
    return replace(change, sources=tuple(sorted({changing[origin] for origin in origins if origin in changing})))


def combine_plans(first: ChangePlan, second: ChangePlan) -> ChangePlan:
    """Return what two runs did in all; the first operation counts where both changed a resource."""
    before = {change.urn: change for change in first.mutations}
    last = [before.pop(change.urn, change) for change in second.resources]
    return ChangePlan((*last, *before.values()))


def add_changes(first: ChangeCounts, second: ChangeCounts) -> ChangeCounts:
    """Return what two runs did in all."""
    return ChangeCounts(**{name: getattr(first, name) + getattr(second, name) for name in ChangeCounts.model_fields})


def count_operations(operations: Iterable[str]) -> ChangeCounts:
    counts: dict[str, int] = {}
    for operation in operations:
        counts[operation] = counts.get(operation, 0) + 1
    return ChangeCounts(**counts)
