"""Property values inside the engine: plain Python, with a few types for what JSON cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.values import UNKNOWN

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that must not be seen; it prints as stars."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Archive:
    """A package on this machine; two are equal when their bytes are, wherever they lie."""

    digest: str
    path: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Archive) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Reference:
    """Another resource passed as a value; the cloud gets its id."""

    urn: str
    id: Any


def bare(value: Any) -> Any:
    """The value as a cloud takes it: secrets opened, packages as their hashes, references as ids."""
    if isinstance(value, Secret):
        return bare(value.value)
    if isinstance(value, Archive):
        return {"hash": value.digest}
    if isinstance(value, Reference):
        return value.id
    if isinstance(value, Mapping):
        return {key: bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return value


def holds_secret(value: Any) -> bool:
    """A secret at any depth."""
    return _any(value, lambda item: isinstance(item, Secret))


def holds_unknown(value: Any) -> bool:
    """Something that only exists after an operation of this very run, at any depth."""
    return _any(value, lambda item: item is UNKNOWN)


def _any(value: Any, test: Any) -> bool:
    if test(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, test)
    if isinstance(value, Mapping):
        return any(_any(item, test) for item in value.values())
    return isinstance(value, list) and any(_any(item, test) for item in value)


def merge_secrets(outputs: Properties, inputs: Properties, also: tuple[str, ...]) -> Properties:
    """What came back from the cloud, with every property that went in secret (or is in `also`) secret again."""
    hidden = {name for name, value in inputs.items() if holds_secret(value)} | set(also)
    kept = {name: inputs[name] for name, value in inputs.items() if isinstance(value, Archive) and name in outputs}
    return {name: Secret(value) if name in hidden else kept.get(name, value) for name, value in outputs.items()}
