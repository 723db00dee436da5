"""Fits a resource into a cloud: references, guards and uniqueness on the way in, dependents on the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from semantest_iac.infrastructure.simulated_cloud.clock import Clock
from semantest_iac.infrastructure.simulated_cloud.inventory import Address, Books, Link, Row
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Hold,
    OnDelete,
    Reference,
    Surroundings,
    TypeRule,
    told,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties, at


@dataclass(frozen=True, slots=True)
class Placement:
    """One request against the books of one account and region."""

    types: Mapping[str, TypeRule]
    books: Books
    clock: Clock
    account: str
    region: str
    seal_key: bytes

    @property
    def facts(self) -> Facts:
        """What templates may say of the account, before anything of a resource is known."""
        return facts_of(self.account, self.region, self.clock)

    def region_of(self, type_: str) -> str:
        """Where the rows of a type are kept; account-wide ones belong to no region."""
        return "" if self.types[type_].account_wide else self.region

    def found(self, type_: str, id_: str, state: Properties) -> Row | None:
        """The living resource with that id; where several parents gave it, the one whose parents are in the state."""
        rule = self.types[type_]
        rows = self.books.by_id(self.account, self.region_of(type_), type_, id_)
        ours = [row for row in rows if all(_agrees(row, state, name) for name in rule.within)]
        if len(ours) > 1:
            parents = ", ".join(rule.within)
            raise CloudRefusal("AmbiguousIdentifier", f"Several resources have the id {id_}; say which {parents}.")
        return ours[0] if ours else None

    def related(self, rule: TypeRule, inputs: Properties, facts: Facts) -> tuple[list[Link], list[str]]:
        """Follow every reference: puts what was found among the facts, gives links and warnings, or refuses."""
        links, warnings = [], []
        for reference in rule.references:
            for value in _names(reference, inputs):
                looked_up = Facts(facts | {"value": value})
                row = self._target(reference, looked_up)
                if row is None:
                    warnings += _answer(reference, looked_up)
                    continue
                facts.setdefault(reference.named, Facts(row.outputs, id=row.id))
                if reference.on_delete is not OnDelete.ALLOW:
                    links.append(Link(row.address, reference.on_delete))
        return links, warnings

    def guard(self, rule: TypeRule, facts: Facts, own: Address | None) -> list[str]:
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

    def surroundings(self, facts: Facts, own: Address | None) -> Surroundings:
        """What guards see of a request, for a new resource or for the one at an address."""
        before = self.books.row(own) if own else None
        today = self.clock.now.date().isoformat()
        return Surroundings(facts, lambda type_: self._others(type_, own), today, before.outputs if before else {})

    def claim(self, type_: str, facts: Facts, own: Address | None = None) -> Address | None:
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

    def handles(self, rule: TypeRule, facts: Facts) -> set[str]:
        """All names by which the resource will be found."""
        unique = {unique.handle.format_map(facts) for unique in rule.unique}
        told_ = (told(handle, facts) for handle in rule.handles)
        further = {name for names in told_ for name in ([names] if isinstance(names, str) else names)}
        return (unique | further) - {""}

    def withdraw(self, row: Row, *, with_parent: bool = False) -> None:
        """Delete a resource and what goes with it; refuses while others need it, unless its parent takes it along."""
        rule = self.types[row.address.type]
        needed_by = self.books.linked_to(row.address, OnDelete.REFUSE)
        if rule.in_use and needed_by and not with_parent:
            facts = Facts(row.outputs, id=row.id, dependents=", ".join(self._ids(needed_by)))
            raise rule.in_use.about(facts)
        for dependent in self.books.linked_to(row.address, OnDelete.CASCADE):
            if found := self.books.row(dependent):
                self.withdraw(found, with_parent=True)
        self._forget(rule, row)

    def _forget(self, rule: TypeRule, row: Row) -> None:
        held, until = set(), 0.0
        if rule.held:
            facts = Facts(self.facts | row.outputs)
            handle = rule.unique[0].handle.format_map(facts)
            held, until = {handle, _returning(rule.held, handle, facts)}, rule.held.seconds(row.outputs)
        self.books.remove(row.address, held, self.clock.seconds + until)

    def _gives_back(self, held: Hold, type_: str, handle: str, facts: Facts) -> bool:
        if held.lifted(facts):
            return True
        _, until = self.books.named(self.account, self.region_of(type_), type_, _returning(held, handle, facts))
        return bool(held.returns_to) and until > self.clock.seconds

    def _ids(self, addresses: Sequence[Address]) -> Iterator[str]:
        return (row.id for address in addresses if (row := self.books.row(address)))

    def _target(self, reference: Reference, facts: Facts) -> Row | None:
        handle = reference.handle.format_map(facts)
        for type_ in reference.types:
            address, _ = self.books.named(self.account, self.region_of(type_), type_, handle)
            if address:
                return self.books.row(address)
        return None

    def _others(self, type_: str, own: Address | None) -> list[Properties]:
        rows = self.books.of_type(self.account, self.region_of(type_), type_)
        return [Facts(row.outputs, id=row.id, **self._code(row)) for row in rows if row.address != own]

    def _code(self, row: Row) -> dict[str, str]:
        """What it runs, where it takes code at all."""
        takes_code = self.types[row.address.type].takes_code is not None
        return {"code": self.books.published(row.address)} if takes_code else {}


def facts_of(account: str, region: str, clock: Clock) -> Facts:
    """What templates may say of any request."""
    return Facts(account=account, region=region, now=clock.now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _returning(held: Hold, handle: str, facts: Facts) -> str:
    return f"{handle} in {held.returns_to.format_map(facts)}" if held.returns_to else handle


def _agrees(row: Row, state: Properties, name: str) -> bool:
    return name not in state or row.outputs.get(name) == state[name]


def _names(reference: Reference, inputs: Properties) -> Iterator[str]:
    for value in at(inputs, reference.path):
        found = re.search(reference.pattern, str(value)) if reference.pattern else None
        if found or not reference.pattern:
            yield found.group(1) if found else str(value)


def _answer(reference: Reference, facts: Facts) -> list[str]:
    refusal: CloudRefusal = reference.refusal.about(facts)
    if reference.evidence.is_firm:
        raise refusal
    return [refusal.message]
