"""One account in one region of a simulated cloud: interprets the rules of its types over a shared inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.runtime import naming, operations, results
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import (
    NO_FAULTS,
    FaultEffect,
    FaultScript,
    ScriptedFault,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import (
    Inventory,
    InventoryTransaction,
    StoredResource,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.operations import RequestScope, account_facts
from semantest_iac.infrastructure.simulated_cloud.runtime.results import unmask_sensitive
from semantest_iac.infrastructure.simulated_cloud.schema import differences, shapes
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.shapes import CheckFailure
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

DataSource: TypeAlias = Callable[[RequestFacts, ResourceProperties], dict[str, Any]]
"""A data source: answers from the facts of the account and the arguments."""

_NO_PROPERTIES: Final[ResourceProperties] = {}


class SimulatedCloud:
    """What an engine may ask; refusals are raised as CloudRefusal, in the cloud's own words.

    Where an operation takes `state`, it is the caller's last known outputs: they tell apart resources whose id is only
    unique within a parent, and give back the values that the inventory never holds.
    """

    def __init__(  # noqa: PLR0913 - one cloud is joined in one place, all by name
        self,
        types: Mapping[str, TypeRule],
        inventory: Inventory,
        *,
        account: str,
        region: str,
        faults: FaultScript = NO_FAULTS,
        clock: VirtualClock | None = None,
        invokes: Mapping[str, DataSource] | None = None,
    ) -> None:
        self._types = types
        self._inventory = inventory
        self._account = account
        self._region = region
        self._faults = faults
        self._clock = clock or VirtualClock()
        self._invokes = invokes or {}

    def supports(self, type_: str) -> bool:
        """Whether the type has rules."""
        return type_ in self._types

    def named(
        self,
        type_: str,
        inputs: ResourceProperties,
        logical: str,
        *,
        previous: ResourceProperties = _NO_PROPERTIES,
        salt: str = "",
    ) -> dict[str, Any]:
        """Inputs with an automatic physical name where none is given; another salt gives another name."""
        seed = "|".join((self._account, self._region, type_, logical, salt))
        return naming.add_physical_name(self._types[type_], inputs, logical, previous, seed)

    def check(self, type_: str, inputs: ResourceProperties) -> list[CheckFailure]:
        """Everything wrong with the shape of the inputs; looks at nothing else in the cloud."""
        return shapes.check_inputs(self._types[type_], inputs)

    def diff(
        self,
        type_: str,
        old_inputs: ResourceProperties,
        old_outputs: ResourceProperties,
        new_inputs: ResourceProperties,
    ) -> ResourceDiff:
        """What an update to the new inputs would change."""
        return differences.compute_diff(self._types[type_], old_inputs, old_outputs, new_inputs)

    def preview_create(self, type_: str, inputs: ResourceProperties) -> dict[str, Any]:
        """The outputs as far as they are known before a create."""
        return results.preview_create_outputs(self._types[type_], inputs, self._facts(inputs))

    def preview_update(self, type_: str, old_outputs: ResourceProperties, inputs: ResourceProperties) -> dict[str, Any]:
        """The outputs as far as they are known before an update; what it makes anew is UNKNOWN."""
        return results.preview_update_outputs(self._types[type_], old_outputs, inputs, self._facts(inputs))

    def create(self, type_: str, inputs: ResourceProperties, *, owner: str) -> CreatedResource:
        """Make a resource; `owner` is kept beside it, so that an unfinished create can be found."""
        late = self._strike("create", type_, (owner, str(inputs.get(self._types[type_].name, ""))))
        with self._placed(inputs) as placement:
            created = operations.create_resource(placement, type_, inputs, owner)
        for fault in late:
            raise fault.answer(created)
        return created

    def update(self, type_: str, id_: str, inputs: ResourceProperties) -> dict[str, Any]:
        """Change a resource in place; a resource that is gone is refused with ResourceNotFound."""
        late = self._strike("update", type_, (id_,))
        with self._placed(inputs) as placement:
            outputs = operations.update_resource(placement, _find_existing(placement, type_, id_, inputs), inputs)
        for fault in late:
            raise fault.answer()
        return outputs

    def delete(self, type_: str, id_: str, state: ResourceProperties = _NO_PROPERTIES) -> None:
        """Remove a resource; what is gone already is fine, what others need is refused."""
        late = self._strike("delete", type_, (id_,))
        with self._placed(state) as placement:
            if row := placement.found(type_, id_, state):
                operations.delete_resource(placement, row)
        for fault in late:
            raise fault.answer()

    def publish_code(self, type_: str, id_: str, digest: str) -> None:
        """Give a resource the code to run, where its cloud takes code beside the inputs of the resource."""
        late = self._strike("publish", type_, (id_,))
        with self._placed(_NO_PROPERTIES) as placement:
            operations.record_code(placement, _find_existing(placement, type_, id_, _NO_PROPERTIES), digest)
        for fault in late:
            raise fault.answer()

    def published(self, type_: str, id_: str) -> str:
        """The digest of the code that a resource runs; empty where none was published or the resource is gone."""
        with self._inventory.view() as books:
            row = self._placement(books, _NO_PROPERTIES).found(type_, id_, _NO_PROPERTIES)
            return books.published(row.address) if row else ""

    def read(self, type_: str, id_: str, state: ResourceProperties = _NO_PROPERTIES) -> dict[str, Any] | None:
        """The outputs of a living resource, or None."""
        self._strike("read", type_, (id_,))
        with self._inventory.view() as books:
            row = self._placement(books, state).found(type_, id_, state)
        return self._opened(row, state) if row else None

    def find(self, owner: str, state: ResourceProperties = _NO_PROPERTIES) -> tuple[str, str, dict[str, Any]] | None:
        """Type, id and outputs of what the owner made last, if it still lives."""
        with self._inventory.view() as books:
            row = books.by_owner(self._account, owner)
        return (row.address.type, row.id, self._opened(row, state)) if row else None

    def live(self, region: str | None = None) -> list[tuple[str, str]]:
        """Type and id of everything alive in the account, in one region where one is named, sorted."""
        with self._inventory.view() as books:
            rows = books.all(self._account)
        return [(row.address.type, row.id) for row in rows if region is None or row.address.region in ("", region)]

    def invoke(self, token: str, args: ResourceProperties) -> dict[str, Any]:
        """Ask a data source; an unknown one is refused with UnknownInvoke."""
        if token not in self._invokes:
            raise CloudRefusal("UnknownInvoke", f"The simulated cloud does not answer {token}.")
        return self._invokes[token](self._facts(args), args)

    def _strike(self, operation: str, type_: str, names: Sequence[str]) -> list[ScriptedFault]:
        striking = self._faults.striking(operation, type_, names)
        for fault in striking:
            self._clock.advance(fault.seconds)
            if fault.strikes_before:
                raise fault.answer()
        return [fault for fault in striking if fault.effect is not FaultEffect.SLOW]

    @contextmanager
    def _placed(self, properties: ResourceProperties) -> Iterator[RequestScope]:
        try:
            with self._inventory.change() as books:
                self._clock.reach(books.seconds())
                yield self._placement(books, properties)
                books.reach(self._clock.seconds)
        except CloudRefusal as refusal:
            if refusal.retry_after:
                self._let_pass(refusal.retry_after)
            raise

    def _let_pass(self, seconds: float) -> None:
        """Who is told to come back later is taken to have waited when the next call comes."""
        self._clock.advance(seconds)
        with self._inventory.change() as books:
            books.reach(self._clock.seconds)

    def _placement(self, books: InventoryTransaction, properties: ResourceProperties) -> RequestScope:
        region = str(properties.get("region") or self._region)
        return RequestScope(self._types, books, self._clock, self._account, region, self._inventory.seal_key)

    def _facts(self, properties: ResourceProperties) -> RequestFacts:
        return account_facts(self._account, str(properties.get("region") or self._region), self._clock)

    def _opened(self, row: StoredResource, state: ResourceProperties) -> dict[str, Any]:
        return unmask_sensitive(self._types[row.address.type], row.outputs, state, self._inventory.seal_key)


def _find_existing(placement: RequestScope, type_: str, id_: str, state: ResourceProperties) -> StoredResource:
    if row := placement.found(type_, id_, state):
        return row
    raise CloudRefusal("ResourceNotFound", f"The resource {id_} does not exist.", status=404)
