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
from semantest_iac.infrastructure.simulated_cloud.runtime.results import mask_sensitive, mask_sensitive_outputs
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    NameReservation,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    resolve_output,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties, values_at_path


@dataclass(frozen=True, slots=True)
class RequestScope:
    """One request inside a transaction, in one account and region.

    Methods that take `own` mean the resource at that address; for a create it is None.
    """

    types: Mapping[str, TypeRule]
    transaction: InventoryTransaction
    clock: VirtualClock
    account: str
    region: str
    masking_key: bytes

    @property
    def facts(self) -> RequestFacts:
        return account_facts(self.account, self.region, self.clock)

    def region_of(self, type_: str) -> str:
        """Return the region under which resources of a type are stored; empty for account-wide types."""
        return "" if self.types[type_].account_wide else self.region

    def find(self, type_: str, id_: str, state: ResourceProperties) -> StoredResource | None:
        """Find a resource by its id and, where the id is unique within a parent only, by the parents in the state."""
        rule = self.types[type_]
        resources = self.transaction.find_by_id(self.account, self.region_of(type_), type_, id_)
        matching = [one for one in resources if all(_has_same_parent(one, state, name) for name in rule.unique_within)]
        if len(matching) > 1:
            parents = ", ".join(rule.unique_within)
            raise CloudRefusal("AmbiguousIdentifier", f"Several resources have the id {id_}; say which {parents}.")
        return matching[0] if matching else None

    def resolve_references(
        self, rule: TypeRule, inputs: ResourceProperties, facts: RequestFacts
    ) -> tuple[list[ResourceLink], list[str]]:
        """Look up every reference and add what it finds to the facts; return links and warnings, or raise a refusal."""
        links, warnings = [], []
        for reference in rule.references:
            for value in _referenced_names(reference, inputs):
                reference_facts = RequestFacts(facts | {"value": value})
                resource = self._find_target(reference, reference_facts)
                if resource is None:
                    warnings += _refuse_or_warn(reference, reference_facts)
                    continue
                facts.setdefault(reference.fact_name, RequestFacts(resource.outputs, id=resource.id))
                if reference.on_delete is not OnDelete.ALLOW:
                    links.append(ResourceLink(resource.address, reference.on_delete))
        return links, warnings

    def run_guards(self, guards: Sequence[RequestGuard], facts: RequestFacts, own: ResourceAddress | None) -> list[str]:
        """Run the guards of a create or update; return warnings, or raise a refusal."""
        context = self.guard_context(facts, own)
        return [
            warning
            for guard in guards
            if (own is None or guard.on_update) and guard.applies(context)
            for warning in _refuse_or_warn(guard, facts)
        ]

    def guard_context(self, facts: RequestFacts, own: ResourceAddress | None) -> GuardContext:
        previous = self.transaction.get(own) if own else None
        today = self.clock.now.date().isoformat()
        outputs = previous.outputs if previous else {}
        return GuardContext(facts, lambda type_: self._other_resources(type_, own), today, outputs)

    def find_overwritten_or_refuse(
        self, type_: str, facts: RequestFacts, own: ResourceAddress | None = None
    ) -> ResourceAddress | None:
        """Refuse handles that are taken or reserved; return the existing resource that a create changes, if any."""
        rule = self.types[type_]
        for unique in rule.unique:
            handle = unique.handle.format_map(facts)
            owner, reserved_until = self.transaction.find_by_handle(self.account, self.region_of(type_), type_, handle)
            if handle and owner and owner != own:
                if rule.create_overwrites and own is None:
                    return owner
                raise unique.refusal.render(facts)
            if owner is None and reserved_until > self.clock.seconds and rule.name_reservation:
                self._check_reservation(rule.name_reservation, type_, handle, facts, reserved_until)
        return None

    def resource_handles(self, rule: TypeRule, facts: RequestFacts) -> set[str]:
        """Return all handles by which references find the resource."""
        unique = {unique.handle.format_map(facts) for unique in rule.unique}
        resolved = (resolve_output(handle, facts) for handle in rule.handles)
        further = {name for names in resolved for name in ([names] if isinstance(names, str) else names)}
        return (unique | further) - {""}

    def remove_with_dependents(self, resource: StoredResource, *, with_parent: bool = False) -> None:
        """Remove a resource and its cascading dependents; refuse while others need it, unless its parent goes too."""
        rule = self.types[resource.address.type]
        needed_by = self.transaction.find_dependents(resource.address, OnDelete.REFUSE)
        if rule.in_use_refusal and needed_by and not with_parent:
            facts = RequestFacts(resource.outputs, id=resource.id, dependents=", ".join(self._ids(needed_by)))
            raise rule.in_use_refusal.render(facts)
        for address in self.transaction.find_dependents(resource.address, OnDelete.CASCADE):
            if dependent := self.transaction.get(address):
                self.remove_with_dependents(dependent, with_parent=True)
        self._remove(rule, resource)

    def _remove(self, rule: TypeRule, resource: StoredResource) -> None:
        reserved, seconds = set(), 0.0
        if reservation := rule.name_reservation:
            facts = RequestFacts(self.facts | resource.outputs)
            handle = rule.unique[0].handle.format_map(facts)
            reserved = {handle, _format_reuse_handle(reservation, handle, facts)}
            seconds = reservation.seconds(resource.outputs)
        self.transaction.remove(resource.address, reserved, self.clock.seconds + seconds)

    def _check_reservation(
        self, reservation: NameReservation, type_: str, handle: str, facts: RequestFacts, until: float
    ) -> None:
        if self._may_reuse(reservation, type_, handle, facts):
            return
        if reservation.refusal:
            raise reservation.refusal.render(facts)
        self.clock.catch_up(until)

    def _may_reuse(self, reservation: NameReservation, type_: str, handle: str, facts: RequestFacts) -> bool:
        if reservation.restores_deleted(facts):
            return True
        reuse_handle = _format_reuse_handle(reservation, handle, facts)
        _, until = self.transaction.find_by_handle(self.account, self.region_of(type_), type_, reuse_handle)
        return bool(reservation.reusable_within) and until > self.clock.seconds

    def _ids(self, addresses: Sequence[ResourceAddress]) -> Iterator[str]:
        return (resource.id for address in addresses if (resource := self.transaction.get(address)))

    def _find_target(self, reference: ResourceReference, facts: RequestFacts) -> StoredResource | None:
        handle = reference.handle.format_map(facts)
        for type_ in reference.types:
            address, _ = self.transaction.find_by_handle(self.account, self.region_of(type_), type_, handle)
            if address:
                return self.transaction.get(address)
        return None

    def _other_resources(self, type_: str, own: ResourceAddress | None) -> list[ResourceProperties]:
        resources = self.transaction.list_by_type(self.account, self.region_of(type_), type_)
        return [RequestFacts(one.outputs, id=one.id, **self._code(one)) for one in resources if one.address != own]

    def _code(self, resource: StoredResource) -> dict[str, str]:
        takes_code = self.types[resource.address.type].code_guards is not None
        return {"code": self.transaction.code_digest(resource.address)} if takes_code else {}


def account_facts(account: str, region: str, clock: VirtualClock) -> RequestFacts:
    """Return the facts that templates of any request may use."""
    return RequestFacts(account=account, region=region, now=clock.now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def create_resource(scope: RequestScope, type_: str, inputs: ResourceProperties, owner: str) -> CreatedResource:
    """Create a resource, or change the existing one where the type lets a create do so."""
    rule = scope.types[type_]
    seed = _next_identifier_seed(scope, type_, owner)
    known = results.inputs_with_defaults(rule, inputs)
    known |= naming.name_input_from_prefix(rule, known, seed)
    facts = RequestFacts(scope.facts | known)
    links, warnings = scope.resolve_references(rule, known, facts)
    warnings += scope.run_guards(rule.guards, facts, None)
    overwritten = scope.find_overwritten_or_refuse(type_, facts)
    if overwritten and (existing := scope.transaction.get(overwritten)):
        seed = existing.seed
    facts.update(make_identifiers(seed), revision=1)
    outputs = results.compute_create_outputs(rule, known, facts)
    id_ = str(resolve_output(rule.identity, facts))
    resource = StoredResource(_make_address(scope, type_, facts, id_), id_, owner, seed, 1, dict(known), outputs)
    handles = scope.resource_handles(rule, RequestFacts(facts | outputs))
    masked = _mask_resource(scope, rule, resource)
    scope.transaction.save(masked, handles, links)
    _keep_version(scope, rule, masked)
    scope.clock.advance(_latency(rule, facts))
    return CreatedResource(id_, outputs, tuple(warnings))


def update_resource(scope: RequestScope, resource: StoredResource, inputs: ResourceProperties) -> dict[str, object]:
    """Change a resource in place and return its outputs."""
    rule = scope.types[resource.address.type]
    known = results.inputs_with_defaults(rule, inputs)
    facts = RequestFacts({rule.name_input: resource.outputs.get(rule.name_input)} | scope.facts | known)
    links, _ = scope.resolve_references(rule, known, facts)
    scope.run_guards(rule.guards, facts, resource.address)
    scope.find_overwritten_or_refuse(resource.address.type, facts, resource.address)
    masked = mask_sensitive(rule, known, scope.masking_key)
    recomputed = results.find_recomputed_outputs(rule, resource.outputs | resource.inputs, masked)
    revision = resource.revision + bool(recomputed)
    facts.update(make_identifiers(resource.seed), revision=revision, previous=RequestFacts(resource.outputs))
    chosen = results.compute_create_outputs(rule, known, RequestFacts(facts))
    outputs = results.compute_update_outputs(rule, resource.outputs, known, recomputed, facts)
    outputs = results.unmask_sensitive(rule, outputs, chosen, scope.masking_key)  # what the cloud chose, it knows
    updated = replace(resource, revision=revision, inputs=dict(known), outputs=outputs)
    handles = scope.resource_handles(rule, RequestFacts(facts | outputs))
    stored = _mask_resource(scope, rule, updated)
    scope.transaction.save(stored, handles, links)
    _keep_version(scope, rule, stored)
    scope.clock.advance(_latency(rule, facts))
    return outputs


def _keep_version(scope: RequestScope, rule: TypeRule, resource: StoredResource) -> None:
    version = str(resource.outputs.get(rule.version_output, ""))
    if version.isdecimal():
        scope.transaction.record_version(resource.address, version, resource.outputs)


def delete_resource(scope: RequestScope, resource: StoredResource) -> None:
    """Delete a resource, unless its provider retains it; raise a refusal where its cloud protects it."""
    rule = scope.types[resource.address.type]
    if rule.retain_input and resource.outputs.get(rule.retain_input):
        return
    if rule.deletion_protection and resource.outputs.get(rule.deletion_protection[0]):
        raise rule.deletion_protection[1].render(RequestFacts(resource.outputs, id=resource.id))
    scope.remove_with_dependents(resource)


def record_code(scope: RequestScope, resource: StoredResource, digest: str) -> None:
    """Record the code that a resource runs from now on; raise a refusal where a guard of its type applies."""
    rule = scope.types[resource.address.type]
    if rule.code_guards is None:
        raise CloudRefusal("CodeNotTaken", f"The resource {resource.id} does not take published code.")
    facts = RequestFacts(scope.facts | resource.outputs, id=resource.id)
    scope.run_guards(rule.code_guards, facts, resource.address)
    scope.transaction.record_code(resource.address, digest)
    scope.clock.advance(_latency(rule, facts))


def _format_reuse_handle(reservation: NameReservation, handle: str, facts: RequestFacts) -> str:
    reusable_within = reservation.reusable_within.format_map(facts)
    return f"{handle} in {reusable_within}" if reservation.reusable_within else handle


def _has_same_parent(resource: StoredResource, state: ResourceProperties, name: str) -> bool:
    return name not in state or resource.outputs.get(name) == state[name]


def _referenced_names(reference: ResourceReference, inputs: ResourceProperties) -> Iterator[str]:
    for value in values_at_path(inputs, reference.path):
        match = re.search(reference.pattern, str(value)) if reference.pattern else None
        if match or not reference.pattern:
            yield match.group(1) if match else str(value)


def _refuse_or_warn(row: ResourceReference | RequestGuard, facts: RequestFacts) -> list[str]:
    refusal = row.refusal.render(facts)
    if row.evidence.is_firm:
        raise refusal
    return [refusal.message]


def _latency(rule: TypeRule, facts: RequestFacts) -> float:
    return rule.latency_seconds(facts) if callable(rule.latency_seconds) else rule.latency_seconds


def _next_identifier_seed(scope: RequestScope, type_: str, owner: str) -> str:
    region = scope.region_of(type_)
    creations = scope.transaction.count_creation(scope.account, region, type_, owner)
    return "|".join((scope.account, region, type_, owner, str(creations)))


def _make_address(scope: RequestScope, type_: str, facts: RequestFacts, id_: str) -> ResourceAddress:
    parents = (str(facts[name]) for name in scope.types[type_].unique_within)
    return ResourceAddress(scope.account, scope.region_of(type_), type_, "/".join((*parents, id_)))


def _mask_resource(scope: RequestScope, rule: TypeRule, resource: StoredResource) -> StoredResource:
    inputs = mask_sensitive(rule, resource.inputs, scope.masking_key)
    return replace(resource, inputs=inputs, outputs=mask_sensitive_outputs(rule, resource.outputs, scope.masking_key))
