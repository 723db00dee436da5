"""Creates, updates and deletes resources inside one transaction: references, guards, uniqueness, dependents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from semantest_iac.infrastructure.simulated_cloud.runtime import naming, results
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import (
    InventoryTransaction,
    ResourceAddress,
    ResourceLink,
    StoredResource,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import make_identifiers
from semantest_iac.infrastructure.simulated_cloud.runtime.results import mask_sensitive
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    NameReservation,
    OnDelete,
    ResourceReference,
    TypeRule,
    resolve_output,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties, values_at_path


@dataclass(frozen=True, slots=True)
class RequestScope:
    """One request against the books of one account and region."""

    types: Mapping[str, TypeRule]
    books: InventoryTransaction
    clock: VirtualClock
    account: str
    region: str
    seal_key: bytes

    @property
    def facts(self) -> RequestFacts:
        """What templates may say of the account, before anything of a resource is known."""
        return account_facts(self.account, self.region, self.clock)

    def region_of(self, type_: str) -> str:
        """Where the rows of a type are kept; account-wide ones belong to no region."""
        return "" if self.types[type_].account_wide else self.region

    def found(self, type_: str, id_: str, state: ResourceProperties) -> StoredResource | None:
        """The living resource with that id; where several parents gave it, the one whose parents are in the state."""
        rule = self.types[type_]
        rows = self.books.by_id(self.account, self.region_of(type_), type_, id_)
        ours = [row for row in rows if all(_has_same_parent(row, state, name) for name in rule.within)]
        if len(ours) > 1:
            parents = ", ".join(rule.within)
            raise CloudRefusal("AmbiguousIdentifier", f"Several resources have the id {id_}; say which {parents}.")
        return ours[0] if ours else None

    def related(
        self, rule: TypeRule, inputs: ResourceProperties, facts: RequestFacts
    ) -> tuple[list[ResourceLink], list[str]]:
        """Follow every reference: puts what was found among the facts, gives links and warnings, or refuses."""
        links, warnings = [], []
        for reference in rule.references:
            for value in _referenced_names(reference, inputs):
                looked_up = RequestFacts(facts | {"value": value})
                row = self._target(reference, looked_up)
                if row is None:
                    warnings += _refuse_or_warn(reference, looked_up)
                    continue
                facts.setdefault(reference.named, RequestFacts(row.outputs, id=row.id))
                if reference.on_delete is not OnDelete.ALLOW:
                    links.append(ResourceLink(row.address, reference.on_delete))
        return links, warnings

    def guard(self, rule: TypeRule, facts: RequestFacts, own: ResourceAddress | None) -> list[str]:
        """Ask every guard that applies to a create (no address yet) or an update; gives warnings, or refuses."""
        surroundings = self.surroundings(facts, own)
        warnings = []
        for guard in rule.guards:
            if (own is None or guard.on_update) and guard.objects(surroundings):
                refusal = guard.refusal.about(facts)
                if guard.evidence.is_firm:
                    raise refusal
                warnings.append(refusal.message)
        return warnings

    def surroundings(self, facts: RequestFacts, own: ResourceAddress | None) -> GuardContext:
        """What guards see of a request, for a new resource or for the one at an address."""
        before = self.books.row(own) if own else None
        today = self.clock.now.date().isoformat()
        return GuardContext(facts, lambda type_: self._others(type_, own), today, before.outputs if before else {})

    def claim(self, type_: str, facts: RequestFacts, own: ResourceAddress | None = None) -> ResourceAddress | None:
        """Refuse what others have or what is still reserved; gives the resource that a repeated create changes."""
        rule = self.types[type_]
        for unique in rule.unique:
            handle = unique.handle.format_map(facts)
            owner, until = self.books.named(self.account, self.region_of(type_), type_, handle)
            if handle and owner and owner != own:
                if rule.overwrites and own is None:
                    return owner
                raise unique.refusal.about(facts)
            is_reserved = owner is None and until > self.clock.seconds
            if rule.held and is_reserved and not self._gives_back(rule.held, type_, handle, facts):
                raise rule.held.refusal.about(facts)
        return None

    def handles(self, rule: TypeRule, facts: RequestFacts) -> set[str]:
        """All names by which the resource will be found."""
        unique = {unique.handle.format_map(facts) for unique in rule.unique}
        told_ = (resolve_output(handle, facts) for handle in rule.handles)
        further = {name for names in told_ for name in ([names] if isinstance(names, str) else names)}
        return (unique | further) - {""}

    def withdraw(self, row: StoredResource, *, with_parent: bool = False) -> None:
        """Delete a resource and what goes with it; refuses while others need it, unless its parent takes it along."""
        rule = self.types[row.address.type]
        needed_by = self.books.linked_to(row.address, OnDelete.REFUSE)
        if rule.in_use and needed_by and not with_parent:
            facts = RequestFacts(row.outputs, id=row.id, dependents=", ".join(self._ids(needed_by)))
            raise rule.in_use.about(facts)
        for dependent in self.books.linked_to(row.address, OnDelete.CASCADE):
            if found := self.books.row(dependent):
                self.withdraw(found, with_parent=True)
        self._forget(rule, row)

    def _forget(self, rule: TypeRule, row: StoredResource) -> None:
        held, until = set(), 0.0
        if rule.held:
            facts = RequestFacts(self.facts | row.outputs)
            handle = rule.unique[0].handle.format_map(facts)
            held, until = {handle, _return_handle(rule.held, handle, facts)}, rule.held.seconds(row.outputs)
        self.books.remove(row.address, held, self.clock.seconds + until)

    def _gives_back(self, held: NameReservation, type_: str, handle: str, facts: RequestFacts) -> bool:
        if held.lifted(facts):
            return True
        _, until = self.books.named(self.account, self.region_of(type_), type_, _return_handle(held, handle, facts))
        return bool(held.returns_to) and until > self.clock.seconds

    def _ids(self, addresses: Sequence[ResourceAddress]) -> Iterator[str]:
        return (row.id for address in addresses if (row := self.books.row(address)))

    def _target(self, reference: ResourceReference, facts: RequestFacts) -> StoredResource | None:
        handle = reference.handle.format_map(facts)
        for type_ in reference.types:
            address, _ = self.books.named(self.account, self.region_of(type_), type_, handle)
            if address:
                return self.books.row(address)
        return None

    def _others(self, type_: str, own: ResourceAddress | None) -> list[ResourceProperties]:
        rows = self.books.of_type(self.account, self.region_of(type_), type_)
        return [RequestFacts(row.outputs, id=row.id, **self._code(row)) for row in rows if row.address != own]

    def _code(self, row: StoredResource) -> dict[str, str]:
        """What it runs, where it takes code at all."""
        takes_code = self.types[row.address.type].takes_code is not None
        return {"code": self.books.published(row.address)} if takes_code else {}


def account_facts(account: str, region: str, clock: VirtualClock) -> RequestFacts:
    """What templates may say of any request."""
    return RequestFacts(account=account, region=region, now=clock.now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _return_handle(held: NameReservation, handle: str, facts: RequestFacts) -> str:
    return f"{handle} in {held.returns_to.format_map(facts)}" if held.returns_to else handle


def _has_same_parent(row: StoredResource, state: ResourceProperties, name: str) -> bool:
    return name not in state or row.outputs.get(name) == state[name]


def _referenced_names(reference: ResourceReference, inputs: ResourceProperties) -> Iterator[str]:
    for value in values_at_path(inputs, reference.path):
        found = re.search(reference.pattern, str(value)) if reference.pattern else None
        if found or not reference.pattern:
            yield found.group(1) if found else str(value)


def _refuse_or_warn(reference: ResourceReference, facts: RequestFacts) -> list[str]:
    refusal: CloudRefusal = reference.refusal.about(facts)
    if reference.evidence.is_firm:
        raise refusal
    return [refusal.message]


def create_resource(placement: RequestScope, type_: str, inputs: ResourceProperties, owner: str) -> CreatedResource:
    """Make a resource, or change the one that it means where the cloud lets a create do so."""
    rule = placement.types[type_]
    seed = _identifier_seed(placement, type_, owner)
    asked = results.inputs_with_defaults(rule, inputs)
    asked |= naming.name_from_prefix(rule, asked, seed)
    facts = RequestFacts(placement.facts | asked)
    links, warnings = placement.related(rule, asked, facts)
    warnings += placement.guard(rule, facts, None)
    taken = placement.claim(type_, facts)
    if taken and (before := placement.books.row(taken)):
        seed = before.seed
    facts.update(make_identifiers(seed), revision=1)
    outputs = results.compute_create_outputs(rule, asked, facts)
    id_ = str(resolve_output(rule.identity, facts))
    row = StoredResource(_make_address(placement, type_, facts, id_), id_, owner, seed, 1, dict(asked), outputs)
    placement.books.put(_mask_resource(placement, rule, row), placement.handles(rule, facts), links)
    placement.clock.advance(_latency_seconds(rule, facts))
    return CreatedResource(id_, outputs, tuple(warnings))


def update_resource(placement: RequestScope, row: StoredResource, inputs: ResourceProperties) -> dict[str, object]:
    """Change a resource in place and give its outputs."""
    rule = placement.types[row.address.type]
    asked = results.inputs_with_defaults(rule, inputs)
    facts = RequestFacts({rule.name: row.outputs.get(rule.name)} | placement.facts | asked)
    links, _ = placement.related(rule, asked, facts)
    placement.guard(rule, facts, row.address)
    placement.claim(row.address.type, facts, row.address)
    anew = results.find_recomputed_outputs(
        rule, row.outputs | row.inputs, mask_sensitive(rule, asked, placement.seal_key)
    )
    revision = row.revision + bool(anew)
    facts.update(make_identifiers(row.seed), revision=revision)
    outputs = results.compute_update_outputs(rule, row.outputs, asked, anew, facts)
    changed = replace(row, revision=revision, inputs=dict(asked), outputs=outputs)
    placement.books.put(_mask_resource(placement, rule, changed), placement.handles(rule, facts), links)
    placement.clock.advance(_latency_seconds(rule, facts))
    return outputs


def delete_resource(placement: RequestScope, row: StoredResource) -> None:
    """Remove a resource, unless its provider leaves it alone or its cloud protects it."""
    rule = placement.types[row.address.type]
    if rule.kept_by and row.outputs.get(rule.kept_by):
        return
    if rule.protected_by and row.outputs.get(rule.protected_by[0]):
        raise rule.protected_by[1].about(RequestFacts(row.outputs, id=row.id))
    placement.withdraw(row)


def record_code(placement: RequestScope, row: StoredResource, digest: str) -> None:
    """Note the code that a resource runs from now on, unless something about the resource forbids it."""
    rule = placement.types[row.address.type]
    if rule.takes_code is None:
        raise CloudRefusal("CodeNotTaken", f"The resource {row.id} does not take published code.")
    facts = RequestFacts(placement.facts | row.outputs, id=row.id)
    placement.guard(replace(rule, guards=rule.takes_code), facts, row.address)
    placement.books.publish(row.address, digest)
    placement.clock.advance(_latency_seconds(rule, facts))


def _latency_seconds(rule: TypeRule, facts: RequestFacts) -> float:
    return rule.latency(facts) if callable(rule.latency) else rule.latency


def _identifier_seed(placement: RequestScope, type_: str, owner: str) -> str:
    region = placement.region_of(type_)
    births = placement.books.births(placement.account, region, type_, owner)
    return "|".join((placement.account, region, type_, owner, str(births)))


def _make_address(placement: RequestScope, type_: str, facts: RequestFacts, id_: str) -> ResourceAddress:
    parents = (str(facts[name]) for name in placement.types[type_].within)
    return ResourceAddress(placement.account, placement.region_of(type_), type_, "/".join((*parents, id_)))


def _mask_resource(placement: RequestScope, rule: TypeRule, row: StoredResource) -> StoredResource:
    inputs, outputs = (mask_sensitive(rule, values, placement.seal_key) for values in (row.inputs, row.outputs))
    return replace(row, inputs=inputs, outputs=outputs)
