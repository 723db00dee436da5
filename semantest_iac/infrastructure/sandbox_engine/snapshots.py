"""All that an engine remembers of one stack, between runs and within one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from semantest_iac.infrastructure.sandbox_engine.journal import Effect, Key
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState


@dataclass(slots=True)
class Snapshot:
    """Resources by key, each after those that it needs."""

    resources: dict[Key, ResourceState] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[ResourceState]) -> Snapshot:
        """A snapshot of resources that are in order already."""
        return cls({resource.key: resource for resource in resources})

    def copy(self) -> Snapshot:
        """A snapshot that changes on its own."""
        return Snapshot(dict(self.resources))

    def __iter__(self) -> Iterator[ResourceState]:
        return iter(self.resources.values())

    def live(self, urn: str) -> ResourceState | None:
        """The resource of that URN that is not on its way out."""
        return next((r for r in self if r.urn == urn and not r.delete), None)

    def apply(self, effect: Effect) -> None:
        """Carry out what an operation did: mark, then drop, then put."""
        if effect.doom and effect.doom in self.resources:
            self.resources[effect.doom] = replace(self.resources[effect.doom], delete=True)
        if effect.drop:
            self.resources.pop(effect.drop, None)
        if effect.put:
            self.resources[effect.put.key] = effect.put

    def depending_on(self, urn: str) -> list[ResourceState]:
        """Every resource that needs this one, directly or not, in order."""
        reached, found = {urn}, []
        for resource in self:
            if resource.needs & reached and not resource.delete:
                reached.add(resource.urn)
                found.append(resource)
        return found
