"""Pulumi's wire form of property values (the signatures are those of Pulumi's SDK, `runtime/rpc.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2

from semantest_iac.infrastructure.sandbox_engine.unsupported import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.values import Package, Properties, Reference, Secret
from semantest_iac.infrastructure.simulated_cloud.values import UNKNOWN

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a type marker, not a password
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def decode(struct: struct_pb2.Struct) -> Properties:
    """A Struct as engine values; whole numbers become ints, as every provider means them."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "struct_value":
        return _revived(decode(value.struct_value))
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


def _revived(fields: Properties) -> Any:
    read = _READERS.get(fields.get(SIGNATURE, ""))
    return read(fields) if read else fields


def _read_output(fields: Properties) -> Any:
    value = fields.get("value", UNKNOWN)
    return Secret(value) if fields.get("secret") else value


def _read_package(fields: Properties) -> Package:
    path = Path(fields.get("path", ""))
    if not path.is_file():
        raise UnsupportedError("The sandbox takes assets and archives from files on this machine only.")
    about = path.stat()
    return Package(fields[SIGNATURE], _digest(path, about.st_mtime_ns, about.st_size), str(path))


@lru_cache(maxsize=64)
def _digest(path: Path, _changed_ns: int, _size: int) -> str:
    """Read once for all registrations of preview and apply: a package may be 50 MB."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


_READERS: Mapping[str, Callable[[Properties], Any]] = {
    SECRET: lambda fields: Secret(fields["value"]),
    ARCHIVE: _read_package,
    ASSET: _read_package,
    REFERENCE: lambda fields: Reference(fields["urn"], fields.get("id")),
    OUTPUT: _read_output,
}


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Engine values as a Struct."""
    struct = struct_pb2.Struct()
    _fill(struct, properties)
    return struct


def _fill(struct: struct_pb2.Struct, properties: Mapping[str, Any]) -> None:
    for key, value in properties.items():
        _encode(value, struct.fields[key])


def _encode(value: Any, into: struct_pb2.Value) -> None:
    if isinstance(value, str):
        into.string_value = value
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif isinstance(value, Mapping):
        into.struct_value.SetInParent()
        _fill(into.struct_value, value)
    elif isinstance(value, list | tuple):
        into.list_value.SetInParent()
        for item in value:
            _encode(item, into.list_value.values.add())
    elif value is None:
        into.null_value = struct_pb2.NULL_VALUE
    else:
        _encode(_signed(value), into)


def _signed(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": value.value}
    if isinstance(value, Package):
        return {SIGNATURE: value.kind, "path": value.path, "hash": value.digest}
    return {SIGNATURE: REFERENCE, "urn": value.urn, "id": value.id}
