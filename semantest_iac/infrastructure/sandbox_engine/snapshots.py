"""All that an engine remembers of one stack, between runs and within one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from semantest_iac.infrastructure.sandbox_engine.states import Key, ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import provider_urn


@dataclass(frozen=True, slots=True)
class Effect:
    """How an operation changes what is remembered.

    `mark` takes the place of a resource that is on its way out, `drop` forgets one, `put` adds one that is settled.
    """

    put: ResourceState | None = None
    drop: Key | None = None
    mark: ResourceState | None = None


class Snapshot:
    """What this run has settled, in order of completion, and what it found and has not come to yet.

    Together, in this order, each resource stands after those that it needs: what is settled can only need what was
    settled before.
    """

    def __init__(self, resources: Iterable[ResourceState] = ()) -> None:
        self.olds = {resource.key: resource for resource in resources}
        self._news: dict[str, ResourceState] = {}
        self._keys = {resource.urn: resource.key for resource in self.olds.values() if not resource.delete}
        self.first = {resource.urn: resource for resource in self.olds.values() if not resource.delete}
        self.outlived = {key for key, resource in self.olds.items() if resource.delete and resource.urn in self.first}
        self._providers = {resource.id: resource for resource in self.olds.values() if resource.is_provider}

    def __iter__(self) -> Iterator[ResourceState]:
        yield from self._news.values()
        yield from self.olds.values()

    def new(self, urn: str) -> ResourceState | None:
        """The resource of that URN as this run has settled it."""
        return self._news.get(urn)

    def old(self, urn: str) -> ResourceState | None:
        """The resource of that URN that the run found, has not settled, and that no replacement has outlived."""
        return self.olds.get(self._keys.get(urn, ("", "", False)))

    def provider(self, reference: str) -> ResourceState | None:
        """The provider of a reference (`urn::id`), replaced ones included: their resources outlive them a while.

        In a preview a provider that would be made has no id yet.
        """
        return self._providers.get(reference.rpartition("::")[2]) or self.new(provider_urn(reference))

    def apply(self, effect: Effect) -> None:
        """Carry out what an operation did: mark, then drop, then put."""
        if effect.mark:
            self._mark(effect.mark)
        if effect.drop:
            self.olds.pop(effect.drop, None)
        if effect.put:
            self._put(effect.put)

    def _mark(self, state: ResourceState) -> None:
        """In the place of what it is about."""
        places = {state.key, replace(state, delete=False).key}
        marked = (state if key in places else resource for key, resource in self.olds.items())
        self.olds = {resource.key: resource for resource in marked}

    def _put(self, state: ResourceState) -> None:
        self.olds.pop(state.key, None)
        self._news[state.urn] = state
        if state.is_provider and state.id:
            self._providers[state.id] = state


def in_order(resources: Iterable[ResourceState]) -> list[ResourceState]:
    """The resources, each after those that it needs and otherwise as they came.

    A run that was cut short leaves them mixed: what it settled may need what it had not come to. Something replaced is
    needed by what came after it only.
    """
    waiting = list(resources)
    named: dict[str, list[int]] = {}
    for place, resource in enumerate(waiting):
        named.setdefault(resource.urn, []).append(place)
    ordered: dict[int, ResourceState] = {}
    seen: set[int] = set()

    def visit(place: int) -> None:
        if place in seen:
            return
        seen.add(place)
        for urn in sorted(waiting[place].needs & named.keys()):
            for needed in named[urn]:
                if needed < place or not waiting[needed].delete:
                    visit(needed)
        ordered[place] = waiting[place]

    for place in range(len(waiting)):
        visit(place)
    return list(ordered.values())
