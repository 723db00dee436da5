"""Property values inside the engine: plain Python, with a few types for what JSON cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
class Package:
    """A file handed to a cloud; to the cloud two are equal when their digests are, wherever they lie.

    `kind` is the wire's signature for an asset or an archive.
    """

    kind: str
    digest: str
    path: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Another resource passed as a value; the cloud gets its id."""

    urn: str
    id: Any


def bare(value: Any) -> Any:
    """The value as a cloud takes it: secrets opened, packages as their hashes, references as ids."""
    return _rebuilt(value, _bare_leaf)


def opened(value: Any) -> Any:
    """The value with its secrets opened, and all else as it was."""
    return _rebuilt(value, _opened_leaf)


def _rebuilt(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _rebuilt(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_rebuilt(item, leaf) for item in value]
    return value if isinstance(value, str | int) else leaf(value)


def _bare_leaf(value: Any) -> Any:
    if isinstance(value, Package):
        return {"hash": value.digest}
    if isinstance(value, Reference):
        return bare(value.id)
    return bare(value.value) if isinstance(value, Secret) else value


def _opened_leaf(value: Any) -> Any:
    return opened(value.value) if isinstance(value, Secret) else value


def holds_secret(value: Any) -> bool:
    """A secret at any depth."""
    return _any(value, lambda item: isinstance(item, Secret))


def holds_unknown(value: Any) -> bool:
    """Something that only exists after an operation of this very run, at any depth."""
    return _any(value, lambda item: item is UNKNOWN)


def _any(value: Any, test: Callable[[Any], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, test)
    if isinstance(value, Mapping):
        return any(_any(item, test) for item in value.values())
    return isinstance(value, list) and any(_any(item, test) for item in value)


def marked_like(values: Properties, pattern: Mapping[str, Any]) -> Properties:
    """The values, secret where the value of the same name in the pattern is.

    As Pulumi does it: inside objects name by name, and anything else as a whole.
    """
    return {name: _marked(value, pattern[name]) if name in pattern else value for name, value in values.items()}


def _marked(value: Any, pattern: Any) -> Any:
    if isinstance(value, dict) and isinstance(pattern, Mapping):
        return marked_like(value, pattern)
    return Secret(value) if holds_secret(pattern) and not isinstance(value, Secret) else value


def sealed_in(values: Properties) -> Properties:
    """The values with each secret lifted out of lists, to where Pulumi keeps it."""
    return marked_like(opened(values), values) if holds_secret(values) else values


def outputs_like(outputs: Mapping[str, Any], inputs: Properties, also: tuple[str, ...]) -> Properties:
    """What came back from the cloud, packages as they went in, with every secret marked.

    Secret is what went in secret under the same name, and what is named in `also`.
    """
    whole = {name: _as_sent(value, inputs.get(name)) for name, value in outputs.items()}
    return marked_like(whole, {**inputs, **dict.fromkeys(also, Secret(None))})


def kept_like(outputs: Properties, inputs: Properties, also: tuple[str, ...]) -> Properties:
    """What was not asked of the cloud again; of what became a secret since then, Pulumi marks whole properties only."""
    whole = [name for name, value in inputs.items() if isinstance(value, Secret)]
    return marked_like(outputs, dict.fromkeys((*whole, *also), Secret(None)))


def _as_sent(value: Any, sent: Any) -> Any:
    return sent if isinstance(sent, Package) else value
