"""Reads the state of a Pulumi stack: what `pulumi stack export` prints, or the file of a backend that is a folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ConfigurationError, Fault

MAX_STATE_BYTES = 64 * 1024 * 1024
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET, _ARCHIVE = "1b47061264138c4ac30d75fd1eb44270", "0def7320c3a5731c473e5ecbe6d01bc7"
_GZIP = b"\x1f\x8b"


class _StateSecret:
    """A value that the state holds encrypted; it is never decrypted here."""


STATE_SECRET = _StateSecret()


@dataclass(frozen=True, slots=True)
class StateArchive:
    """The code of a function; `path` is relative to the program, and empty where the state does not say it."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class ForeignResource:
    """A resource of another program; `values` are its outputs over its inputs."""

    urn: str
    type: str
    id: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The name in the program."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def place(self) -> str:
        """How messages name it: `aws:sqs/queue:Queue jobs`."""
        return make_printable(f"{self.type} {self.name}", 200)

    def text(self, key: str) -> str:
        """Return a value that is text; empty for any other."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class ForeignStack:
    """The project and name of a stack, and its resources."""

    project: str
    name: str
    resources: tuple[ForeignResource, ...]

    def of_type(self, *types: str) -> list[ForeignResource]:
        return [resource for resource in self.resources if resource.type in types]


def read_foreign_stack(file: Path) -> ForeignStack:
    """Read a state; raises ConfigurationError where it is none, or has nothing in it."""
    name = make_printable(str(file), 200)
    document = _read_json(file, name)
    written = _find_resources(document)
    if written is None:
        raise _refuse(name, "is no state of a Pulumi stack", "Write one with `pulumi stack export --file state.json`.")
    resources = tuple(_read_resource(each) for each in written if _is_resource(each))
    managed = tuple(each for each in resources if each.id or each.type.startswith("pulumi:"))
    if not managed:
        raise _refuse(name, "the stack has no resources", "Select the stack that is deployed: `pulumi stack select`.")
    _, _, stack, rest = managed[0].urn.replace("::", ":", 1).split(":", 3)
    return ForeignStack(rest.split("::", 1)[0], stack, managed)


def _refuse(name: str, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"Cannot read {name}.", faults=[Fault("", message, hint, name)])


def _read_json(file: Path, name: str) -> Any:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_STATE_BYTES + 1)
        if content.startswith(_GZIP):
            with gzip.open(file) as unpacked:
                content = unpacked.read(MAX_STATE_BYTES + 1)
    except (OSError, ValueError, EOFError) as error:
        reason = (getattr(error, "strerror", None) or "damaged").lower()
        raise _refuse(name, f"cannot be read: {reason}", "Check the path.") from error
    if len(content) > MAX_STATE_BYTES:
        raise _refuse(name, f"larger than {MAX_STATE_BYTES // 1024 // 1024} MiB", "")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise _refuse(name, f"not JSON{f' (line {line})' if line else ''}", "") from error


def _find_resources(document: Any) -> list[Any] | None:
    """Return the resources of either form of a state."""
    for keys in (("deployment",), ("checkpoint", "latest")):
        found = document
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            resources = found.get("resources")
            return resources if isinstance(resources, list) else []
    return None


def _is_resource(each: Any) -> bool:
    is_named = isinstance(each, dict) and isinstance(each.get("type"), str) and isinstance(each.get("urn"), str)
    return is_named and each["urn"].count("::") >= 3 and not each.get("delete")


def _read_resource(each: Mapping[str, Any]) -> ForeignResource:
    values = {**_as_mapping(each.get("inputs")), **_as_mapping(each.get("outputs"))}
    if isinstance(code := _as_mapping(each.get("inputs")).get("code"), dict):
        values["code"] = code
    known = {key: _replace_signed(value) for key, value in values.items()}
    return ForeignResource(each["urn"], each["type"], str(each.get("id") or ""), known)


def _replace_signed(value: Any) -> Any:
    """Replace encrypted values and archives."""
    if isinstance(value, list):
        return [_replace_signed(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get(_SIGNATURE) == _SECRET:
        return STATE_SECRET
    if value.get(_SIGNATURE) == _ARCHIVE:
        path = value.get("path")
        return StateArchive(path if isinstance(path, str) else "")
    return {key: _replace_signed(inner) for key, inner in value.items()}


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_types(resources: tuple[ForeignResource, ...]) -> Iterator[str]:
    """Yield each type once, in the order of the state."""
    yield from dict.fromkeys(resource.type for resource in resources)
