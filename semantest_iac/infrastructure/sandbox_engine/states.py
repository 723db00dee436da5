"""Resources as an engine remembers them, in Pulumi's deployment format (version 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.urns import PROVIDER_PREFIX, name_of, provider_urn
from semantest_iac.infrastructure.sandbox_engine.values import Package, Properties, Reference, Secret

Key = tuple[str, str, bool]
Seal = Callable[[Any], str]
Unseal = Callable[[str], Any]


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
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
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
    def key(self) -> Key:
        """A replaced resource and its replacement share the URN, and the id too where a create changes what exists."""
        return self.urn, self.id, self.delete

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return name_of(self.urn)

    @property
    def is_provider(self) -> bool:
        """Whether it configures a cloud for others."""
        return self.type.startswith(PROVIDER_PREFIX)

    @property
    def package(self) -> str:
        """The Pulumi package whose provider this is, or whose provider makes it."""
        return self.type.removeprefix(PROVIDER_PREFIX).partition(":")[0]

    @property
    def is_local(self) -> bool:
        """Components and providers exist in the state only."""
        return not self.custom or self.is_provider

    @property
    def needs(self) -> frozenset[str]:
        """The URNs that must outlive it."""
        return frozenset({*self.dependencies, *filter(None, [self.parent, provider_urn(self.provider)])})


# our field -> Pulumi's; in the order of Pulumi's own files
_FIELDS = {
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
_ALWAYS = frozenset({"urn", "custom", "type"})
_VALUES = frozenset({"inputs", "outputs"})  # the fields that may hold secrets
_LISTS = ("dependencies", "init_errors", "additional_secret_outputs", "aliases", "ignore_changes", "replace_on_changes")


def dump(state: ResourceState, seal: Seal) -> dict[str, Any]:
    """The JSON form; secret values leave it sealed, empty fields stay out."""
    return {
        theirs: _dump(value, seal) if ours in _VALUES else value
        for ours, theirs in _FIELDS.items()
        if (value := getattr(state, ours)) or ours in _ALWAYS
    }


def load(raw: Mapping[str, Any], unseal: Unseal) -> ResourceState:
    """The resource of a JSON form."""
    fields = {ours: raw[theirs] for ours, theirs in _FIELDS.items() if theirs in raw}
    fields |= {name: _load(fields[name], unseal) for name in _VALUES & fields.keys()}
    fields |= {name: tuple(fields[name]) for name in _LISTS if name in fields}
    fields["property_dependencies"] = {k: tuple(v or ()) for k, v in fields.get("property_dependencies", {}).items()}
    return ResourceState(**fields)


def _dump(value: Any, seal: Seal) -> Any:
    if isinstance(value, Mapping):
        return {key: _dump(item, seal) for key, item in value.items()}
    if isinstance(value, list):
        return [_dump(item, seal) for item in value]
    if isinstance(value, Secret):
        return {wire.SIGNATURE: wire.SECRET, "ciphertext": seal(_dump(value.value, seal))}
    if isinstance(value, Package):
        return {wire.SIGNATURE: value.kind, "hash": value.digest, "path": value.path}
    if isinstance(value, Reference):
        return {wire.SIGNATURE: wire.REFERENCE, "urn": value.urn, "id": value.id}
    return value


def _load(value: Any, unseal: Unseal) -> Any:
    if isinstance(value, list):
        return [_load(item, unseal) for item in value]
    if not isinstance(value, Mapping):
        return value
    match value.get(wire.SIGNATURE):
        case wire.SECRET:
            return Secret(_load(unseal(value["ciphertext"]), unseal))
        case wire.ARCHIVE | wire.ASSET as kind:
            return Package(kind, value["hash"], value["path"])
        case wire.REFERENCE:
            return Reference(value["urn"], value["id"])
    return {key: _load(item, unseal) for key, item in value.items()}
