"""Pulumi's wire form of property values (the signatures are those of Pulumi's SDK, `runtime/rpc.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2

from semantest_iac.infrastructure.sandbox_engine.values import Archive, Properties, Reference, Secret
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
    if kind == "struct_value":
        return _revive(decode(value.struct_value))
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _revive(fields: Properties) -> Any:
    reader = _READERS.get(fields.get(SIGNATURE, ""))
    return reader(fields) if reader else fields


def _read_output(fields: Properties) -> Any:
    value = fields.get("value", UNKNOWN)
    return Secret(value) if fields.get("secret") else value


def _read_package(fields: Properties) -> Archive:
    if "path" not in fields:
        raise ValueError("the sandbox takes packages from files on this machine only")
    path = Path(fields["path"])
    with path.open("rb") as file:
        return Archive(file_digest(file, "sha256").hexdigest(), str(path))


_READERS: Mapping[str, Callable[[Properties], Any]] = {
    SECRET: lambda fields: Secret(fields["value"]),
    ARCHIVE: _read_package,
    ASSET: _read_package,
    REFERENCE: lambda fields: Reference(fields["urn"], fields.get("id")),
    OUTPUT: _read_output,
}


def encode(properties: Properties) -> struct_pb2.Struct:
    """Engine values as a Struct."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _encode(value, struct.fields[key])
    return struct


def _encode(value: Any, into: struct_pb2.Value) -> None:
    value = _marked(value)
    if value is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif isinstance(value, str):
        into.string_value = value
    elif isinstance(value, Mapping):
        into.struct_value.CopyFrom(encode(dict(value)))
    else:
        into.list_value.SetInParent()
        for item in value:
            _encode(item, into.list_value.values.add())


def _marked(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": value.value}
    if isinstance(value, Archive):
        return {SIGNATURE: ARCHIVE, "path": value.path, "hash": value.digest}
    if isinstance(value, Reference):
        return {SIGNATURE: REFERENCE, "urn": value.urn, "id": value.id}
    return value
