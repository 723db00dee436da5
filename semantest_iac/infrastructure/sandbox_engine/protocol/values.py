"""Property values inside the engine: plain Python, with a few types for what JSON cannot express."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PropertyValues = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret value, masked when printed."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file that is handed to a cloud; the cloud compares digests only, not paths.

    `kind` is the wire's signature for an asset or an archive.
    """

    kind: str
    digest: str
    path: str


@dataclass(frozen=True, slots=True)
class PulumiReference:
    """Another resource passed as a value; the cloud gets its id."""

    urn: str
    id: Any


def to_cloud_value(value: Any) -> Any:
    """Return the value as a cloud takes it: secrets unwrapped, packages as their hashes, references as ids."""
    return _map_leaves(value, _leaf_to_cloud_value)


def unwrap_secrets(value: Any) -> Any:
    """Return the value with its secrets unwrapped and everything else unchanged."""
    return _map_leaves(value, _unwrap_leaf)


def _map_leaves(value: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _map_leaves(item, convert) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_leaves(item, convert) for item in value]
    return value if isinstance(value, str | int) else convert(value)


def _leaf_to_cloud_value(value: Any) -> Any:
    if isinstance(value, PackageFile):
        return {"hash": value.digest}
    if isinstance(value, PulumiReference):
        return to_cloud_value(value.id)
    return to_cloud_value(value.value) if isinstance(value, Secret) else value


def _unwrap_leaf(value: Any) -> Any:
    return unwrap_secrets(value.value) if isinstance(value, Secret) else value


def contains_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(contains_secret, value.values()))
    if isinstance(value, list):
        return any(map(contains_secret, value))
    return isinstance(value, Secret)


def mark_secrets_like(values: PropertyValues, pattern: Mapping[str, Any]) -> PropertyValues:
    """Mark as secret each value whose namesake in the pattern is secret.

    As Pulumi does it: property by property inside objects, anything else as a whole.
    """
    return {name: _mark_secret(value, pattern[name]) if name in pattern else value for name, value in values.items()}


def _mark_secret(value: Any, pattern: Any) -> Any:
    if isinstance(value, dict) and isinstance(pattern, Mapping):
        return mark_secrets_like(value, pattern)
    return Secret(value) if contains_secret(pattern) and not isinstance(value, Secret) else value


def move_secrets_out_of_lists(values: PropertyValues) -> PropertyValues:
    """Mark a list with a secret in it as secret as a whole, as Pulumi does."""
    return mark_secrets_like(unwrap_secrets(values), values) if contains_secret(values) else values


def outputs_with_secrets(
    outputs: Mapping[str, Any], inputs: PropertyValues, secret_names: tuple[str, ...]
) -> PropertyValues:
    """Return the cloud's outputs with packages as they were sent and with every secret marked.

    An output is secret if the input of the same name is, or if `secret_names` names it.
    """
    properties = {name: _restore_package(value, inputs.get(name)) for name, value in outputs.items()}
    return mark_secrets_like(properties, {**inputs, **dict.fromkeys(secret_names, Secret(None))})


def stored_outputs_with_secrets(
    outputs: PropertyValues, inputs: PropertyValues, secret_names: tuple[str, ...]
) -> PropertyValues:
    """Return the stored outputs; of inputs that became secret since, Pulumi marks whole properties only."""
    became_secret = [name for name, value in inputs.items() if isinstance(value, Secret)]
    return mark_secrets_like(outputs, dict.fromkeys((*became_secret, *secret_names), Secret(None)))


def _restore_package(value: Any, sent: Any) -> Any:
    return sent if isinstance(sent, PackageFile) else value
