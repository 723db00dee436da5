"""Pulumi's wire form of property values (the signatures are those of Pulumi's SDK, `runtime/rpc.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2

from semantest_iac.infrastructure.package_digests import compute_digest, compute_folder_digest
from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PackageFile,
    PropertyValues,
    PulumiReference,
    Secret,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN


class UnsupportedError(Exception):
    """The program uses a part of Pulumi that the sandbox does not support; the message names it."""


SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a type marker, not a password
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
REFERENCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_MARKER = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def decode_properties(struct: struct_pb2.Struct) -> PropertyValues:
    """Decode a Struct; whole numbers become ints, as every provider expects."""
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def _decode_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_MARKER else value.string_value
    if kind == "struct_value":
        return _decode_object(decode_properties(value.struct_value))
    if kind == "list_value":
        return [_decode_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


def _decode_object(fields: PropertyValues) -> Any:
    read = _DECODERS.get(fields.get(SIGNATURE_KEY, ""))
    return read(fields) if read else fields


def _decode_output(fields: PropertyValues) -> Any:
    value = fields.get("value", UNKNOWN)
    return Secret(value) if fields.get("secret") else value


def _decode_package(fields: PropertyValues) -> PackageFile:
    """Return a file, or a folder that is to be an archive."""
    written, kind = fields.get("path", ""), fields[SIGNATURE_KEY]
    path = Path(written)
    if path.is_file():
        return PackageFile(kind, compute_digest(path), written)
    if written and kind == ARCHIVE_SIGNATURE and path.is_dir():
        return PackageFile(kind, compute_folder_digest(path), written)
    raise UnsupportedError("The sandbox takes assets and archives only from files on this machine.")


_DECODERS: Mapping[str, Callable[[PropertyValues], Any]] = {
    SECRET_SIGNATURE: lambda fields: Secret(fields["value"]),
    ARCHIVE_SIGNATURE: _decode_package,
    ASSET_SIGNATURE: _decode_package,
    REFERENCE_SIGNATURE: lambda fields: PulumiReference(fields["urn"], fields.get("id")),
    OUTPUT_SIGNATURE: _decode_output,
}


def encode_properties(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    _encode_fields(struct, properties)
    return struct


def _encode_fields(struct: struct_pb2.Struct, properties: Mapping[str, Any]) -> None:
    for key, value in properties.items():
        _encode_value(value, struct.fields[key])


def _encode_value(value: Any, into: struct_pb2.Value) -> None:
    if isinstance(value, str):
        into.string_value = value
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif isinstance(value, Mapping):
        into.struct_value.SetInParent()
        _encode_fields(into.struct_value, value)
    elif isinstance(value, list | tuple):
        into.list_value.SetInParent()
        for item in value:
            _encode_value(item, into.list_value.values.add())
    elif value is None:
        into.null_value = struct_pb2.NULL_VALUE
    else:
        _encode_value(_encode_special(value), into)


def _encode_special(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_MARKER
    if isinstance(value, Secret):
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}
    if isinstance(value, PackageFile):
        return {SIGNATURE_KEY: value.kind, "path": value.path, "hash": value.digest}
    return {SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": value.urn, "id": value.id}
