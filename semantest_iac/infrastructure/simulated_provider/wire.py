"""Property values as the engine sends them to a provider that takes no secrets and no references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

from semantest_iac.infrastructure.simulated_cloud.values import UNKNOWN, Properties

SIGNATURE = "4dabf18193072939515e22adb298388d"
PACKAGES = frozenset(["0def7320c3a5731c473e5ecbe6d01bc7", "c44067f5952c0a294b673a41bacd8c17"])
"""Under the signature of a value: that it is an archive, or an asset."""
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """What the engine sent; of a package only its hash, for a cloud does not know where it lies on this machine."""
    return {name: _read(value) for name, value in json_format.MessageToDict(struct).items()}


def encode(values: Properties, known: struct_pb2.Struct) -> struct_pb2.Struct:
    """What the engine gets; packages are given back in the form that is `known` to it."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        if not _is_package(value):
            struct.update({name: _written(value)})
        elif name in known.fields:  # to somebody who never had it, a cloud does not hand a package out
            struct.fields[name].CopyFrom(_told_package(value, known.fields[name]))
    return struct


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        kept = (SIGNATURE, "hash") if _is_package(value) else value
        return {key: _read(value[key]) for key in kept if key in value}
    if isinstance(value, list):
        return [_read(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN_TEXT else value


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return UNKNOWN_TEXT if value is UNKNOWN else value


def _told_package(value: Properties, known: struct_pb2.Value) -> struct_pb2.Value:
    """The engine's own form, or the bare hash where the cloud has another package than the engine knows of."""
    if json_format.MessageToDict(known.struct_value).get("hash") == value["hash"]:
        return known
    bare = struct_pb2.Value()
    bare.struct_value.update(value)
    return bare


def _is_package(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(SIGNATURE) in PACKAGES
