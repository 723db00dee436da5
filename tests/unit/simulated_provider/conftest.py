"""A provider of simulated AWS with an inventory in memory, called with protobuf messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_provider.servicer import SimulatedProvider

ROLE = "aws:iam/role:Role"
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class Aborted(Exception):  # noqa: N818 - an answer, as gRPC raises it
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Connection:
    """The servicer context of one caller, with what the provider sends beside its answer."""

    name: str = "ipv4:127.0.0.1:1"
    trailers: dict[str, bytes] = field(default_factory=dict)

    def peer(self) -> str:
        return self.name

    def set_trailing_metadata(self, pairs: tuple[tuple[str, bytes], ...]) -> None:
        self.trailers.update(pairs)

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        raise Aborted(code, message)

    def init_failed(self) -> provider_pb2.ErrorResourceInitFailed:
        """The resource that a failed create left."""
        details = status_pb2.Status.FromString(self.trailers["grpc-status-details-bin"]).details
        left = provider_pb2.ErrorResourceInitFailed()
        details[0].Unpack(left)
        return left


@dataclass
class Provider:
    """The servicer with plain values instead of protobuf messages; `faults` apply to connections configured later."""

    inventory: Inventory
    faults: FaultScript = field(default_factory=FaultScript)
    connection: Connection = field(default_factory=Connection)

    def __post_init__(self) -> None:
        self.servicer = SimulatedProvider("aws", self.cloud, "us-east-1")
        self.configure(self.connection)

    def cloud(self, _package: str = "aws", region: str = "us-east-1") -> SimulatedCloud:
        return simulated_aws(self.inventory, region=region, faults=self.faults)

    def configure(self, connection: Connection, **variables: str) -> None:
        """Configure the provider of a connection."""
        named = {f"aws:config:{name}": value for name, value in variables.items()}
        self.servicer.Configure(provider_pb2.ConfigureRequest(variables=named), connection)

    def check(self, type_: str, news: dict[str, Any], **more: Any) -> provider_pb2.CheckResponse:
        request = provider_pb2.CheckRequest(urn="urn:it", name="it", type=type_, news=struct(news), **more)
        answer: provider_pb2.CheckResponse = self.servicer.Check(request, self.connection)
        return answer

    def role(self, connection: Connection | None = None, **inputs: Any) -> provider_pb2.CreateResponse:
        """Create a role, or a resource of another `type`."""
        type_, preview = inputs.pop("type", ROLE), inputs.pop("preview", False)
        wanted = {"assumeRolePolicy": _TRUST, **inputs} if type_ == ROLE else inputs
        request = provider_pb2.CreateRequest(
            urn="urn:it", name="it", type=type_, properties=struct(wanted), preview=preview
        )
        answer: provider_pb2.CreateResponse = self.servicer.Create(request, connection or self.connection)
        return answer


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """Convert values to a protobuf struct."""
    made = struct_pb2.Struct()
    made.update(values)
    return made


@pytest.fixture
def wire_of() -> Callable[[dict[str, Any]], struct_pb2.Struct]:
    return struct


@pytest.fixture
def plain() -> Callable[[struct_pb2.Struct], dict[str, Any]]:
    """Converts a protobuf struct to values."""

    def values(message: struct_pb2.Struct) -> dict[str, Any]:
        found: dict[str, Any] = json_format.MessageToDict(message)
        return found

    return values


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A configured provider in us-east-1 with an empty account."""
    inventory = Inventory(":memory:")
    yield Provider(inventory)
    inventory.close()
