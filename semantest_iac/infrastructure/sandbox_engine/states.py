"""Resources as an engine remembers them, in Pulumi's deployment format (version 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.urns import name_of
from semantest_iac.infrastructure.sandbox_engine.values import Archive, Properties, Reference, Secret

Seal = Callable[[Any], str]
Unseal = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """One resource; `delete` marks one that its replacement has not yet got rid of."""

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
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    delete: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """A replaced resource and its replacement share the URN and differ in the id."""
        return self.urn, self.id

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return name_of(self.urn)

    @property
    def needs(self) -> frozenset[str]:
        """The URNs that must outlive it."""
        return frozenset({*self.dependencies, *filter(None, [self.parent, self.provider.rpartition("::")[0]])})


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
    "provider": "provider",
    "property_dependencies": "propertyDependencies",
    "additional_secret_outputs": "additionalSecretOutputs",
    "retain_on_delete": "retainOnDelete",
}
_ALWAYS = ("urn", "custom", "type")


def dump(state: ResourceState, seal: Seal) -> dict[str, Any]:
    """The JSON form; secret values leave it sealed, empty fields stay out."""
    return {
        theirs: _dump(value, seal)
        for ours, theirs in _FIELDS.items()
        if (value := getattr(state, ours)) or ours in _ALWAYS
    }


def load(raw: Mapping[str, Any], unseal: Unseal) -> ResourceState:
    """The resource of a JSON form."""
    fields = {ours: _load(raw[theirs], unseal) for ours, theirs in _FIELDS.items() if theirs in raw}
    for name in ("dependencies", "additional_secret_outputs"):
        fields[name] = tuple(fields.get(name, ()))
    fields["property_dependencies"] = {k: tuple(v) for k, v in fields.get("property_dependencies", {}).items()}
    return ResourceState(**fields)


def _dump(value: Any, seal: Seal) -> Any:
    if isinstance(value, Secret):
        return {wire.SIGNATURE: wire.SECRET, "ciphertext": seal(_dump(value.value, seal))}
    if isinstance(value, Archive):
        return {wire.SIGNATURE: wire.ARCHIVE, "hash": value.digest, "path": value.path}
    if isinstance(value, Reference):
        return {wire.SIGNATURE: wire.REFERENCE, "urn": value.urn, "id": value.id}
    if isinstance(value, Mapping):
        return {key: _dump(item, seal) for key, item in value.items()}
    return [_dump(item, seal) for item in value] if isinstance(value, list | tuple) else value


def _load(value: Any, unseal: Unseal) -> Any:
    if isinstance(value, list):
        return [_load(item, unseal) for item in value]
    if not isinstance(value, Mapping):
        return value
    match value.get(wire.SIGNATURE):
        case wire.SECRET:
            return Secret(_load(unseal(value["ciphertext"]), unseal))
        case wire.ARCHIVE:
            return Archive(value["hash"], value["path"])
        case wire.REFERENCE:
            return Reference(value["urn"], value["id"])
    return {key: _load(item, unseal) for key, item in value.items()}
