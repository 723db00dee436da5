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
)

ResourceKey = tuple[str, str, bool]
Encrypt = Callable[[Any], str]
Decrypt = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """One resource.

    `delete` marks one that its replacement has not yet got rid of, `pending_replacement` one that is gone already
    and whose replacement is not there yet. `aliases` is the URN it had before, until the state is written.
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
        """A replaced resource and its replacement share the URN, and the id too where a create changes what exists."""
        return self.urn, self.id, self.delete

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return name_of_urn(self.urn)

    @property
    def is_provider(self) -> bool:
        """Whether it configures a cloud for others."""
        return self.type.startswith(PROVIDER_TYPE_PREFIX)

    @property
    def package(self) -> str:
        """The Pulumi package whose provider this is, or whose provider makes it."""
        return self.type.removeprefix(PROVIDER_TYPE_PREFIX).partition(":")[0]

    @property
    def is_local(self) -> bool:
        """Components and providers exist in the state only."""
        return not self.custom or self.is_provider

    @property
    def needs(self) -> frozenset[str]:
        """The URNs that must outlive it."""
        return frozenset({*self.dependencies, *filter(None, [self.parent, provider_urn(self.provider)])})


# our field -> Pulumi's; in the order of Pulumi's own files
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
_VALUE_FIELDS = frozenset({"inputs", "outputs"})  # the fields that may hold secrets
_LIST_FIELDS = (
    "dependencies",
    "init_errors",
    "additional_secret_outputs",
    "aliases",
    "ignore_changes",
    "replace_on_changes",
)


def dump_resource(state: ResourceState, seal: Encrypt) -> dict[str, Any]:
    """The JSON form; secret values leave it sealed, empty fields stay out."""
    return {
        theirs: _dump_value(value, seal) if ours in _VALUE_FIELDS else value
        for ours, theirs in _PULUMI_FIELDS.items()
        if (value := getattr(state, ours)) or ours in _REQUIRED_FIELDS
    }


def load_resource(raw: Mapping[str, Any], unseal: Decrypt) -> ResourceState:
    """The resource of a JSON form."""
    fields = {ours: raw[theirs] for ours, theirs in _PULUMI_FIELDS.items() if theirs in raw}
    fields |= {name: _load_value(fields[name], unseal) for name in _VALUE_FIELDS & fields.keys()}
    fields |= {name: tuple(fields[name]) for name in _LIST_FIELDS if name in fields}
    fields["property_dependencies"] = {k: tuple(v or ()) for k, v in fields.get("property_dependencies", {}).items()}
    return ResourceState(**fields)


def _dump_value(value: Any, seal: Encrypt) -> Any:
    if isinstance(value, Mapping):
        return {key: _dump_value(item, seal) for key, item in value.items()}
    if isinstance(value, list):
        return [_dump_value(item, seal) for item in value]
    if isinstance(value, Secret):
        return {wire.SIGNATURE_KEY: wire.SECRET_SIGNATURE, "ciphertext": seal(_dump_value(value.value, seal))}
    if isinstance(value, PackageFile):
        return {wire.SIGNATURE_KEY: value.kind, "hash": value.digest, "path": value.path}
    if isinstance(value, PulumiReference):
        return {wire.SIGNATURE_KEY: wire.REFERENCE_SIGNATURE, "urn": value.urn, "id": value.id}
    return value


def _load_value(value: Any, unseal: Decrypt) -> Any:
    if isinstance(value, list):
        return [_load_value(item, unseal) for item in value]
    if not isinstance(value, Mapping):
        return value
    match value.get(wire.SIGNATURE_KEY):
        case wire.SECRET_SIGNATURE:
            return Secret(_load_value(unseal(value["ciphertext"]), unseal))
        case wire.ARCHIVE_SIGNATURE | wire.ASSET_SIGNATURE as kind:
            return PackageFile(kind, value["hash"], value["path"])
        case wire.REFERENCE_SIGNATURE:
            return PulumiReference(value["urn"], value["id"])
    return {key: _load_value(item, unseal) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class StateChange:
    """How an operation changes what is remembered.

    `mark` takes the place of a resource that is on its way out, `drop` forgets one, `put` adds one that is settled.
    """

    put: ResourceState | None = None
    drop: ResourceKey | None = None
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

    def apply(self, effect: StateChange) -> None:
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


def order_by_dependencies(resources: Iterable[ResourceState]) -> list[ResourceState]:
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
