"""One account in one region of a simulated cloud: interprets the rules of its types over a shared inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource, Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.shapes import CheckFailure
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

DataSource: TypeAlias = Callable[[RequestFacts, ResourceProperties], dict[str, Any]]
"""A function that answers an invoke from the facts of the account and the arguments."""


@dataclass(frozen=True, slots=True)
class VersionSource:
    """A data source that describes one published version of a resource; the arguments name resource and qualifier.

    `unpublished` is the qualifier of what may still change, which is described without one, too. `answer` makes the
    result of outputs and qualifier, `refusal` is the answer where there is no such version.
    """

    type: str
    name_argument: str
    qualifier_argument: str
    unpublished: str
    answer: Callable[[ResourceProperties, str], dict[str, Any]]
    refusal: Refusal


_NO_PROPERTIES: Final[ResourceProperties] = {}


class SimulatedCloud:
    """The operations that an engine calls; a refusal is raised as CloudRefusal, with the cloud's own code and message.

    `state` holds the caller's last known outputs: they identify resources whose id is unique within a parent only, and
    restore sensitive values, which the inventory does not store.
    """

    def __init__(  # noqa: PLR0913 - one cloud is composed in one place, all by name
        self,
        types: Mapping[str, TypeRule],
        inventory: Inventory,
        *,
        account: str,
        region: str,
        faults: FaultScript = NO_FAULTS,
        clock: VirtualClock | None = None,
        data_sources: Mapping[str, DataSource] | None = None,
        version_sources: Mapping[str, VersionSource] | None = None,
    ) -> None:
        self._types = types
        self._inventory = inventory
        self._account = account
        self._region = region
        self._faults = faults
        self._clock = clock or VirtualClock()
        self._data_sources = data_sources or {}
        self._version_sources = version_sources or {}

    def supports(self, type_: str) -> bool:
        """Return True for a type that has rules."""
        return type_ in self._types

    def add_physical_name(
        self,
        type_: str,
        inputs: ResourceProperties,
        logical_name: str,
        *,
        previous: ResourceProperties = _NO_PROPERTIES,
        salt: str = "",
    ) -> dict[str, Any]:
        """Return the inputs with a generated physical name where none is given; another salt gives another name."""
        seed = "|".join((self._account, self._region, type_, logical_name, salt))
        return naming.add_physical_name(self._types[type_], inputs, logical_name, previous, seed)

    def check(self, type_: str, inputs: ResourceProperties) -> list[CheckFailure]:
        """Return everything that is wrong with the shape of the inputs, without looking at other resources."""
        return shapes.check_inputs(self._types[type_], inputs)

    def diff(
        self,
        type_: str,
        old_inputs: ResourceProperties,
        old_outputs: ResourceProperties,
        new_inputs: ResourceProperties,
    ) -> ResourceDiff:
        """Return what an update to the new inputs changes."""
        return differences.compute_diff(self._types[type_], old_inputs, old_outputs, new_inputs)

    def preview_create(self, type_: str, inputs: ResourceProperties) -> dict[str, Any]:
        """Return the outputs of a create; those that are not known before an apply are UNKNOWN."""
        return results.preview_create_outputs(self._types[type_], inputs, self._facts(inputs))

    def preview_update(self, type_: str, old_outputs: ResourceProperties, inputs: ResourceProperties) -> dict[str, Any]:
        """Return the outputs of an update; those that it recomputes are UNKNOWN."""
        return results.preview_update_outputs(self._types[type_], old_outputs, inputs, self._facts(inputs))

    def create(self, type_: str, inputs: ResourceProperties, *, owner: str) -> CreatedResource:
        """Create a resource and store `owner` with it, by which an unfinished create is found."""
        name = str(inputs.get(self._types[type_].name_input, ""))
        late_faults = self._apply_faults("create", type_, (owner, name))
        with self._request(inputs) as scope:
            created = operations.create_resource(scope, type_, inputs, owner)
        for fault in late_faults:
            raise fault.to_refusal(created)
        return created

    def update(self, type_: str, id_: str, inputs: ResourceProperties) -> dict[str, Any]:
        """Change a resource in place and return its outputs; refuse with ResourceNotFound where it is gone."""
        late_faults = self._apply_faults("update", type_, (id_,))
        with self._request(inputs) as scope:
            outputs = operations.update_resource(scope, _find_existing(scope, type_, id_, inputs), inputs)
        for fault in late_faults:
            raise fault.to_refusal()
        return outputs

    def delete(self, type_: str, id_: str, state: ResourceProperties = _NO_PROPERTIES) -> None:
        """Delete a resource, if it exists; refuse while other resources need it."""
        late_faults = self._apply_faults("delete", type_, (id_,))
        with self._request(state) as scope:
            if resource := scope.find(type_, id_, state):
                operations.delete_resource(scope, resource)
        for fault in late_faults:
            raise fault.to_refusal()

    def publish_code(self, type_: str, id_: str, digest: str) -> None:
        """Give a resource the code to run, where its cloud takes code apart from the inputs of the resource."""
        late_faults = self._apply_faults("publish", type_, (id_,))
        with self._request(_NO_PROPERTIES) as scope:
            operations.record_code(scope, _find_existing(scope, type_, id_, _NO_PROPERTIES), digest)
        for fault in late_faults:
            raise fault.to_refusal()

    def published_code_digest(self, type_: str, id_: str) -> str:
        """Return the digest of the code that a resource runs; empty where there is no code or no resource."""
        with self._inventory.read_without_transaction() as reader:
            resource = self._scope(reader, _NO_PROPERTIES).find(type_, id_, _NO_PROPERTIES)
            return reader.code_digest(resource.address) if resource else ""

    def read_versions(self, type_: str, id_: str, state: ResourceProperties) -> dict[str, dict[str, Any]]:
        """Return the outputs of each published version of a resource; nothing for types that publish none.

        Sensitive values are those of the state where the version was published with the same.
        """
        rule = self._types.get(type_)
        if rule is None or not rule.version_output:
            return {}
        key = self._inventory.masking_key
        with self._inventory.read_without_transaction() as reader:
            resource = self._scope(reader, state).find(type_, id_, state)
            versions = reader.list_versions(resource.address) if resource else {}
        return {version: unmask_sensitive(rule, outputs, state, key) for version, outputs in versions.items()}

    def write_secret_version(self, type_: str, id_: str, version: str, sealed: str) -> None:
        """Give a secret one more version with a value that the caller has encrypted; the inputs stay as they are."""
        late_faults = self._apply_faults("write", type_, (id_,))
        with self._request(_NO_PROPERTIES) as scope:
            resource = _find_existing(scope, type_, id_, _NO_PROPERTIES)
            scope.transaction.add_secret_version(resource.address, version, sealed)
        for fault in late_faults:
            raise fault.to_refusal()

    def read_secret_version(self, type_: str, id_: str, version: str) -> str | None:
        """Return the encrypted value of a version, None for an unknown one; refuses a secret that does not exist."""
        self._apply_faults("read", type_, (id_,))
        with self._inventory.read_without_transaction() as reader:
            resource = _find_existing(self._scope(reader, _NO_PROPERTIES), type_, id_, _NO_PROPERTIES)
            return reader.find_secret_version(resource.address, version)

    def read(self, type_: str, id_: str, state: ResourceProperties = _NO_PROPERTIES) -> dict[str, Any] | None:
        """Return the outputs of a resource, or None where it is gone."""
        self._apply_faults("read", type_, (id_,))
        with self._inventory.read_without_transaction() as reader:
            resource = self._scope(reader, state).find(type_, id_, state)
        return self._unmask(resource, state) if resource else None

    def find_newest_by_owner(
        self, owner: str, state: ResourceProperties = _NO_PROPERTIES
    ) -> tuple[str, str, dict[str, Any]] | None:
        """Return type, id and outputs of the resource that the owner created last, if it still exists."""
        with self._inventory.read_without_transaction() as reader:
            resource = reader.find_newest_by_owner(self._account, owner)
        return (resource.address.type, resource.id, self._unmask(resource, state)) if resource else None

    def list_owned(self, prefix: str) -> list[StoredResource]:
        """Return the resources whose owner begins with a prefix, the oldest first, as they are stored."""
        with self._inventory.read_without_transaction() as reader:
            found = reader.list_by_owner_prefix(prefix)
        return [row for row in reversed(found) if row.address.account == self._account]

    def count_owned(self, prefix: str, tag: str, value: str) -> int:
        """Count the resources whose owner begins with a prefix, or that have a tag with a value."""
        with self._inventory.read_without_transaction() as reader:
            return reader.count_by_owner_or_tag(prefix, tag, value)

    def list_ids(self) -> set[tuple[str, str]]:
        """Return type and id of every resource in the account, in one query."""
        with self._inventory.read_without_transaction() as reader:
            return reader.list_ids(self._account)

    def mark_owner(self, type_: str, id_: str, state: ResourceProperties, mark: str) -> None:
        """Put a mark in front of the owner of a resource that has another or none."""
        with self._inventory.read_without_transaction() as reader:
            resource = self._scope(reader, state).find(type_, id_, state)
        if resource and not resource.owner.startswith(mark):
            with self._inventory.transaction() as transaction:
                transaction.replace_owner(resource.address, f"{mark}{resource.owner.rpartition('#')[2]}")

    def list_resources(self, region: str | None = None) -> list[tuple[str, str]]:
        """Return type and id of every resource in the account, or in one region and account-wide, sorted."""
        with self._inventory.read_without_transaction() as reader:
            resources = reader.list_all(self._account)
        return [(one.address.type, one.id) for one in resources if region is None or one.address.region in ("", region)]

    def invoke(self, token: str, args: ResourceProperties) -> dict[str, Any]:
        """Call a data source; refuse with UnknownInvoke where there is none."""
        if source := self._version_sources.get(token):
            return self._describe_version(source, args)
        if token not in self._data_sources:
            raise CloudRefusal("UnknownInvoke", f"The simulated cloud does not answer {token}.")
        return self._data_sources[token](self._facts(args), args)

    def delete_version(self, type_: str, id_: str, version: str) -> None:
        """Delete one published version, as a person may do in the cloud."""
        with self._request(_NO_PROPERTIES) as scope:
            resource = _find_existing(scope, type_, id_, _NO_PROPERTIES)
            scope.transaction.remove_version(resource.address, version)

    def _describe_version(self, source: VersionSource, args: ResourceProperties) -> dict[str, Any]:
        name = str(args.get(source.name_argument) or "")
        qualifier = str(args.get(source.qualifier_argument) or source.unpublished)
        with self._inventory.read_without_transaction() as reader:
            resource = self._scope(reader, args).find(source.type, name, _NO_PROPERTIES)
            outputs = None
            if resource and qualifier == source.unpublished:
                outputs = resource.outputs
            elif resource:
                outputs = reader.list_versions(resource.address).get(qualifier)
        if outputs is None:
            raise source.refusal.render(RequestFacts(self._facts(args) | {"name": name, "qualifier": qualifier}))
        return {**args, **source.answer(outputs, qualifier)}

    def _apply_faults(self, operation: str, type_: str, names: Sequence[str]) -> list[ScriptedFault]:
        """Delay or refuse the call by the script; return the faults that are due after the operation."""
        faults = self._faults.match_call(operation, type_, names)
        for fault in faults:
            self._clock.advance(fault.seconds)
            if fault.prevents_operation:
                raise fault.to_refusal()
        return [fault for fault in faults if fault.effect is not FaultEffect.SLOW]

    @contextmanager
    def _request(self, properties: ResourceProperties) -> Iterator[RequestScope]:
        try:
            with self._inventory.transaction() as transaction:
                self._clock.catch_up(transaction.virtual_seconds())
                yield self._scope(transaction, properties)
                transaction.catch_up_virtual_seconds(self._clock.seconds)
        except CloudRefusal as refusal:
            if refusal.retry_after:
                self._advance_clock(refusal.retry_after)
            raise

    def _advance_clock(self, seconds: float) -> None:
        """Let virtual time pass at once: a caller that is asked to retry later has waited when it calls again."""
        self._clock.advance(seconds)
        with self._inventory.transaction() as transaction:
            transaction.catch_up_virtual_seconds(self._clock.seconds)

    def _scope(self, transaction: InventoryTransaction, properties: ResourceProperties) -> RequestScope:
        region = self._region_of(properties)
        return RequestScope(self._types, transaction, self._clock, self._account, region, self._inventory.masking_key)

    def _facts(self, properties: ResourceProperties) -> RequestFacts:
        return account_facts(self._account, self._region_of(properties), self._clock)

    def _region_of(self, properties: ResourceProperties) -> str:
        return str(properties.get("region") or self._region)

    def _unmask(self, resource: StoredResource, state: ResourceProperties) -> dict[str, Any]:
        rule = self._types[resource.address.type]
        return unmask_sensitive(rule, resource.outputs, state, self._inventory.masking_key)


def _find_existing(scope: RequestScope, type_: str, id_: str, state: ResourceProperties) -> StoredResource:
    if resource := scope.find(type_, id_, state):
        return resource
    raise CloudRefusal("ResourceNotFound", f"The resource {id_} does not exist.", status=404)
