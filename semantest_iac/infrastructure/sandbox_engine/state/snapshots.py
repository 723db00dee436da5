"""The stored resources of one stack, in Pulumi's deployment format (version 3), and how operations change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import PROVIDER_TYPE_PREFIX, name_of_urn, provider_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PackageFile,
    PropertyValues,
    PulumiReference,
    Secret,
    outputs_with_secrets,
)

ResourceKey = tuple[str, str, bool]
Encrypt = Callable[[Any], str]
Decrypt = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """One resource.

    `delete` marks a replaced resource that is still to be deleted, `pending_replacement` a deleted one whose
    replacement
    does not exist yet. `aliases` holds its former URN until the state is written.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: PropertyValues = field(default_factory=dict)
    outputs: PropertyValues = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    additional_secret_outputs: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)  # seconds
    init_errors: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False

    @property
    def key(self) -> ResourceKey:
        """The identity within a state; a replaced resource shares its URN, sometimes its id, with the replacement."""
        return self.urn, self.id, self.delete

    @property
    def name(self) -> str:
        return name_of_urn(self.urn)

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    @property
    def package(self) -> str:
        """The Pulumi package of this provider, or of the provider that manages this resource."""
        return self.type.removeprefix(PROVIDER_TYPE_PREFIX).partition(":")[0]

    @property
    def is_local(self) -> bool:
        """Components and providers exist in the state only."""
        return not self.custom or self.is_provider

    @property
    def needs(self) -> frozenset[str]:
        """The URNs of the resources that must be deleted after it."""
        return frozenset({*self.dependencies, *filter(None, [self.parent, provider_urn(self.provider)])})

    def with_outputs(self, outputs: Mapping[str, Any], id_: str) -> ResourceState:
        """Return the resource with the id and the outputs from the cloud, in which secrets are marked."""
        return replace(self, id=id_, outputs=outputs_with_secrets(outputs, self.inputs, self.additional_secret_outputs))


# our field -> Pulumi's, in the order of Pulumi's own files
_PULUMI_FIELDS = {
    "urn": "urn",
    "custom": "custom",
    "delete": "delete",
    "id": "id",
    "type": "type",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "external": "external",
    "dependencies": "dependencies",
    "init_errors": "initErrors",
    "provider": "provider",
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "aliases": "aliases",
    "custom_timeouts": "customTimeouts",
    "retain_on_delete": "retainOnDelete",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
}
_REQUIRED_FIELDS = frozenset({"urn", "custom", "type"})
_VALUE_FIELDS = frozenset({"inputs", "outputs"})  # the fields that may contain secrets
_LIST_FIELDS = (
    "dependencies",
    "init_errors",
    "additional_secret_outputs",
    "aliases",
    "ignore_changes",
    "replace_on_changes",
)


def dump_resource(state: ResourceState, encrypt: Encrypt) -> dict[str, Any]:
    """Return the JSON form, with encrypted secrets and without empty fields."""
    return {
        theirs: _dump_value(value, encrypt) if ours in _VALUE_FIELDS else value
        for ours, theirs in _PULUMI_FIELDS.items()
        if (value := getattr(state, ours)) or ours in _REQUIRED_FIELDS
    }


def load_resource(raw: Mapping[str, Any], decrypt: Decrypt) -> ResourceState:
    fields = {ours: raw[theirs] for ours, theirs in _PULUMI_FIELDS.items() if theirs in raw}
    fields |= {name: _load_value(fields[name], decrypt) for name in _VALUE_FIELDS & fields.keys()}
    fields |= {name: tuple(fields[name]) for name in _LIST_FIELDS if name in fields}
    fields["property_dependencies"] = {k: tuple(v or ()) for k, v in fields.get("property_dependencies", {}).items()}
    return ResourceState(**fields)


def _dump_value(value: Any, encrypt: Encrypt) -> Any:
    if isinstance(value, Mapping):
        return {key: _dump_value(item, encrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [_dump_value(item, encrypt) for item in value]
    if isinstance(value, Secret):
        return {wire.SIGNATURE_KEY: wire.SECRET_SIGNATURE, "ciphertext": encrypt(_dump_value(value.value, encrypt))}
    if isinstance(value, PackageFile):
        return {wire.SIGNATURE_KEY: value.kind, "hash": value.digest, "path": value.path}
    if isinstance(value, PulumiReference):
        return {wire.SIGNATURE_KEY: wire.REFERENCE_SIGNATURE, "urn": value.urn, "id": value.id}
    return value


def _load_value(value: Any, decrypt: Decrypt) -> Any:
    if isinstance(value, list):
        return [_load_value(item, decrypt) for item in value]
    if not isinstance(value, Mapping):
        return value
    match value.get(wire.SIGNATURE_KEY):
        case wire.SECRET_SIGNATURE:
            return Secret(_load_value(decrypt(value["ciphertext"]), decrypt))
        case wire.ARCHIVE_SIGNATURE | wire.ASSET_SIGNATURE as kind:
            return PackageFile(kind, value["hash"], value["path"])
        case wire.REFERENCE_SIGNATURE:
            return PulumiReference(value["urn"], value["id"])
    return {key: _load_value(item, decrypt) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class StateChange:
    """How an operation changes the stored resources.

    `mark` replaces an entry that is about to be deleted, `drop` removes one, `put` adds a finished one.
    """

    put: ResourceState | None = None
    drop: ResourceKey | None = None
    mark: ResourceState | None = None


class Snapshot:
    """The resources that this run has finished, in order of completion, and those of the last run not reached yet.

    In this order each resource comes after those that it needs: a finished resource can only need earlier ones.
    """

    def __init__(self, resources: Iterable[ResourceState] = ()) -> None:
        self.remaining = {resource.key: resource for resource in resources}
        self._finished: dict[str, ResourceState] = {}
        self._keys = {resource.urn: resource.key for resource in self.remaining.values() if not resource.delete}
        self.initial = {resource.urn: resource for resource in self.remaining.values() if not resource.delete}
        self.replaced = {
            key for key, resource in self.remaining.items() if resource.delete and resource.urn in self.initial
        }
        self._providers = {resource.id: resource for resource in self.remaining.values() if resource.is_provider}

    def __iter__(self) -> Iterator[ResourceState]:
        yield from self._finished.values()
        yield from self.remaining.values()

    def find_finished_in_run(self, urn: str) -> ResourceState | None:
        """Return the resource that this run has finished under that URN."""
        return self._finished.get(urn)

    def find_left_from_last_run(self, urn: str) -> ResourceState | None:
        """Return the resource of the last run with that URN that this run has neither finished nor replaced."""
        return self.remaining.get(self._keys.get(urn, ("", "", False)))

    def find_provider(self, reference: str) -> ResourceState | None:
        """Return the provider of a reference (`urn::id`), even a replaced one, whose resources exist a while longer.

        In a preview, a provider that would be created has no id yet.
        """
        return self._providers.get(reference.rpartition("::")[2]) or self.find_finished_in_run(provider_urn(reference))

    def apply(self, change: StateChange) -> None:
        """Apply a change: mark, then drop, then put."""
        if change.mark:
            self._replace_entry(change.mark)
        if change.drop:
            self.remaining.pop(change.drop, None)
        if change.put:
            self._put(change.put)

    def _replace_entry(self, state: ResourceState) -> None:
        """Replace the entry at the same position."""
        places = {state.key, replace(state, delete=False).key}
        marked = (state if key in places else resource for key, resource in self.remaining.items())
        self.remaining = {resource.key: resource for resource in marked}

    def _put(self, state: ResourceState) -> None:
        self.remaining.pop(state.key, None)
        self._finished[state.urn] = state
        if state.is_provider and state.id:
            self._providers[state.id] = state


def order_by_dependencies(resources: Iterable[ResourceState]) -> list[ResourceState]:
    """Return the resources, each after those that it needs and otherwise in their order.

    An interrupted run leaves them mixed: a finished resource may need one that was not reached. A replaced resource is
    needed only by what came after it.
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
