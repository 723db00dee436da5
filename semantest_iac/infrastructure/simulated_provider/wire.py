"""The engine's wire format: property values, diffs and refusals as protobuf messages and gRPC statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN, ResourceProperties

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_PACKAGE_SIGNATURES = frozenset(["0def7320c3a5731c473e5ecbe6d01bc7", "c44067f5952c0a294b673a41bacd8c17"])
"""The signatures of an archive and of an asset."""
UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_PATH_STEP = re.compile(r"""[^.\[\]"]+""")
_CODE_BY_STATUS = {
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_SERVER_ERROR = 500


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Decode the engine's values; of a package only its hash, as a cloud does not know its path on this machine."""
    return {name: _decode_value(value) for name, value in json_format.MessageToDict(struct).items()}


def encode_struct(values: ResourceProperties, known: struct_pb2.Struct) -> struct_pb2.Struct:
    """Encode values for the engine; packages are returned in the form that is `known` to it."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        if not _is_package(value):
            struct.update({name: _encode_value(value)})
        elif name in known.fields:  # a cloud does not return a package that the engine did not send
            struct.fields[name].CopyFrom(_encode_package(value, known.fields[name]))
    return struct


def _decode_value(value: Any) -> Any:
    if isinstance(value, dict):
        keys = (_SIGNATURE, "hash") if _is_package(value) else value
        return {key: _decode_value(value[key]) for key in keys if key in value}
    if isinstance(value, list):
        return [_decode_value(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN_SENTINEL else value


def _encode_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _encode_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode_value(item) for item in value]
    return UNKNOWN_SENTINEL if value is UNKNOWN else value


def _encode_package(value: ResourceProperties, known: struct_pb2.Value) -> struct_pb2.Value:
    """The engine's own form, or only the hash if the cloud has another package than the engine."""
    if json_format.MessageToDict(known.struct_value).get("hash") == value["hash"]:
        return known
    hash_only = struct_pb2.Value()
    hash_only.struct_value.update(value)
    return hash_only


def _is_package(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(_SIGNATURE) in _PACKAGE_SIGNATURES


def to_diff_response(diff: ResourceDiff, ignored: Iterable[str]) -> provider_pb2.DiffResponse:
    """Convert a diff without the ignored paths; the engine keeps old inputs there, but not drift."""
    patterns = [_PATH_STEP.findall(path) for path in ignored]
    changed = {
        path: kind for path, kind in diff.detailed.items() if not _is_ignored(_PATH_STEP.findall(path), patterns)
    }
    replaces = _property_names(path for path, kind in changed.items() if kind.endswith("replace"))
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if changed else none,
        diffs=_property_names(changed),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and diff.delete_before_replace,
        detailedDiff={path: _property_diff(kind) for path, kind in changed.items()},
        hasDetailedDiff=True,
    )


def _is_ignored(steps: Sequence[str], patterns: Iterable[Sequence[str]]) -> bool:
    return any(all(p in (None, "*", step) for p, step in zip_longest(pattern, steps)) for pattern in patterns)


def _property_names(paths: Iterable[str]) -> list[str]:
    return sorted({_PATH_STEP.findall(path)[0] for path in paths})


def _property_diff(kind: str) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind.upper().replace("-", "_")))


@contextmanager
def abort_on_refusal(
    context: grpc.ServicerContext, action: str, known: struct_pb2.Struct | None = None
) -> Iterator[None]:
    """Abort the call with the cloud's own error, in the form of an AWS error.

    After a server error the outcome is unknown, which the engine learns from the status UNKNOWN. A resource that was
    created incompletely is returned with the error, so that the next update completes it.
    """
    try:
        yield
    except CloudRefusal as refusal:
        message = f"{action}: https response error StatusCode: {refusal.status}, {refusal}"
        code = _status_code(refusal)
        if refusal.created:
            details = _init_failed_details(refusal.created, message, code, known or struct_pb2.Struct())
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(code, message)


def _status_code(refusal: CloudRefusal) -> grpc.StatusCode:
    if refusal.created or refusal.status >= _SERVER_ERROR:
        return grpc.StatusCode.UNKNOWN
    return _CODE_BY_STATUS.get(refusal.status, grpc.StatusCode.FAILED_PRECONDITION)


def _init_failed_details(
    created: CreatedResource, message: str, code: grpc.StatusCode, known: struct_pb2.Struct
) -> bytes:
    status = status_pb2.Status(code=code.value[0], message=message)
    properties = encode_struct(created.outputs, known)
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(id=created.id, properties=properties, inputs=known, reasons=[message])
    )
    return bytes(status.SerializeToString())
