"""The cloud's refusals as the engine hears them: the one place where they become gRPC statuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal, Created
from semantest_iac.infrastructure.simulated_provider import wire

_CODES = {
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_SERVER_FAULT = 500


@contextmanager
def refusals_told(context: grpc.ServicerContext, deed: str, known: struct_pb2.Struct | None = None) -> Iterator[None]:
    """Answer with the cloud's own words, in the shape of an AWS error.

    After a fault of the server nobody knows what became of the resource, and UNKNOWN is how the engine is told so.
    What was made and could not be completed is handed over, so that the next update completes it.
    """
    try:
        yield
    except CloudRefusal as refusal:
        message = f"{deed}: https response error StatusCode: {refusal.status}, {refusal}"
        code = _code(refusal)
        if refusal.created:
            details = _init_failed(refusal.created, message, code, known or struct_pb2.Struct())
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(code, message)


def _code(refusal: CloudRefusal) -> grpc.StatusCode:
    if refusal.created or refusal.status >= _SERVER_FAULT:
        return grpc.StatusCode.UNKNOWN
    return _CODES.get(refusal.status, grpc.StatusCode.FAILED_PRECONDITION)


def _init_failed(created: Created, message: str, code: grpc.StatusCode, known: struct_pb2.Struct) -> bytes:
    status = status_pb2.Status(code=code.value[0], message=message)
    properties = wire.encode(created.outputs, known)
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(id=created.id, properties=properties, inputs=known, reasons=[message])
    )
    return bytes(status.SerializeToString())
