"""A resource monitor that creates nothing and records what a program registers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import resource_pb2

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import IMAGE_RUNTIME, ContainerService, service_package
from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.networking.sites import SITE_PACKAGE, StaticSite
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext
from semantest_iac.infrastructure.container_images.image_pushing import ImagePush, PushImage
from semantest_iac.infrastructure.sandbox_engine.monitor import SUPPORTED_FEATURES, MonitorError
from semantest_iac.infrastructure.sandbox_engine.program_execution import run_program
from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from tests.kind_examples.sites import make_site_package

SECRET = "the secret's value"
IMAGE_DIGEST = f"sha256:{'12' * 32}"
_OUTPUT_NAMES = (
    *("apiEndpoint", "arn", "arnSuffix", "dnsName", "executionArn", "invokeArn", "url", "version", "versionId"),
    *("defaultDomain", "loginServer", "repositoryUrl", "staticIp"),
    *("clientId", "connectionString", "defaultHostName", "gatewayUrl", "hostName", "name", "principalId"),
    *("defaultHostname", "domainName", "frontDoorId"),  # of sites and what delivers them
)
_INVOKE_RESULTS: dict[str, dict[str, Any]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["us-east-1a", "us-east-1b", "us-east-1c"]},
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": {
        "authorizationToken": "QVdTOnRoZSBwYXNzd29yZA==", "id": "us-east-1", "userName": "AWS",
        "password": "the password", "proxyEndpoint": "https://123456789012.dkr.ecr.us-east-1.amazonaws.com",
    },
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012", "id": "123456789012"},
    "azure-native:authorization:getClientConfig": {
        "clientId": "client", "objectId": "object", "subscriptionId": "subscription", "tenantId": "tenant",
    },
    "azure-native:storage:listStorageAccountKeys": {"keys": [{"keyName": "key1", "value": "a storage key"}]},
}  # fmt: skip


_REWRITTEN_OUTPUTS: dict[str, dict[str, Any]] = {
    "aws:rds/instance:Instance": {
        "masterUserSecrets": [{"secretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds", "kmsKeyId": ""}]
    },
    "azure-native:apimanagement:ApiManagementService": {
        "identity": {"type": "SystemAssigned", "principalId": "the gateway", "tenantId": "tenant"}
    },
    "azure-native:app:ContainerApp": {"identity": {"type": "UserAssigned", "userAssignedIdentities": {}}},
    "azure-native:keyvault:Secret": {"properties": {"secretUriWithVersion": "https://vault.example/secrets/token/1"}},
    "azure-native:webpubsub:WebPubSub": {
        "identity": {"type": "SystemAssigned", "principalId": "the service", "tenantId": "tenant"}
    },
    "azure-native:web:WebApp": {"identity": {"type": "UserAssigned", "userAssignedIdentities": {}}},
}


@dataclass(frozen=True)
class Registration:
    """One registration; `needs` are the URNs of its dependencies."""

    type: str
    name: str
    inputs: dict[str, Any]
    provider: str
    parent: str
    needs: frozenset[str]
    retained: bool
    has_position: bool


class Recorder:
    """Answers each registration with its inputs and a few outputs that programs use."""

    failure = None

    def __init__(self) -> None:
        self.registrations: list[Registration] = []
        self.invokes: list[tuple[str, dict[str, Any]]] = []

    def find_refused_call(self, _error: Exception) -> None:
        """None: every call is answered."""

    def SupportsFeature(self, request: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in SUPPORTED_FEATURES)

    def RegisterResource(self, request: Any) -> Any:
        inputs = wire.decode_properties(request.object)
        needs = frozenset(request.dependencies)
        registration = Registration(
            request.type,
            request.name,
            inputs,
            request.provider,
            request.parent,
            needs,
            request.retainOnDelete,
            request.HasField("sourcePosition") or bool(request.stackTrace.frames),
        )
        self.registrations.append(registration)
        examples, rewritten = _example_outputs(request.type, request.name), _REWRITTEN_OUTPUTS.get(request.type, {})
        outputs = wire.encode_properties({**examples, **inputs, **rewritten})
        id_ = f"id of {request.name}" if request.custom else ""
        return resource_pb2.RegisterResourceResponse(urn=urn(request.type, request.name), id=id_, object=outputs)

    def Invoke(self, request: Any) -> Any:
        self.invokes.append((request.tok, wire.decode_properties(request.args)))
        return resource_pb2.ResourceInvokeResponse(**{"return": wire.encode_properties(_INVOKE_RESULTS[request.tok])})

    def RegisterResourceOutputs(self, request: Any) -> Any:
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any) -> Any:
        return empty_pb2.Empty()

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object) -> Any:
            raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, name)

        return refuse


def _example_outputs(type_: str, name: str) -> dict[str, Any]:
    outputs = dict.fromkeys(_OUTPUT_NAMES, f"{type_}:{name}")
    if type_.startswith("aws:"):
        outputs["arn"] = example_arn(type_, name)
    services = {service: f"https://packages.{service}.example/" for service in ("blob", "queue", "table")}
    return {**outputs, "primaryEndpoints": services}


def example_arn(type_: str, name: str) -> str:
    """Return an ARN of the service of a type."""
    _, module, kind = type_.split(":")
    service = "logs" if kind == "LogGroup" else module.partition("/")[0].rstrip("_")
    return f"arn:aws:{service}:us-east-1:123456789012:{kind}/{name}"


def urn(type_: str, name: str) -> str:
    """Return a unique text; nothing else of a URN matters here."""
    return f"urn:pulumi:s::p::{type_}::{name}"


def record_pushes(blueprint: Blueprint) -> tuple[Recorder, list[tuple[ImagePush, frozenset[str]]]]:
    """Run a program with images to push; return what it pushed, each with what was registered before."""
    recorder, pushes = Recorder(), list[tuple[ImagePush, frozenset[str]]]()

    def push(image: ImagePush) -> None:
        pushes.append((image, frozenset(it.type for it in recorder.registrations)))

    _run(blueprint, Deferred.NOTHING, recorder, push)
    return recorder, pushes


def record_program(blueprint: Blueprint, *, deferred: Deferred = Deferred.NOTHING) -> list[Registration]:
    """Return what the program of a blueprint registers, in order; any file serves as package."""
    return [*run_recorded(blueprint, deferred=deferred).registrations]


def run_recorded(blueprint: Blueprint, *, deferred: Deferred = Deferred.NOTHING) -> Recorder:
    """Run the program of a blueprint and return its recorder; hundreds of tests read the same few."""
    key = pickle.dumps((blueprint, deferred))
    if key not in _RECORDERS:
        _RECORDERS[key] = _run(blueprint, deferred, Recorder())
    return _RECORDERS[key]


_RECORDERS: dict[bytes, Recorder] = {}


def _run(blueprint: Blueprint, deferred: Deferred, recorder: Recorder, push_image: PushImage | None = None) -> Recorder:
    target = find_cloud(blueprint.stack.provider)
    guard = Artifact("cd" * 32, Path(__file__), "guard.handler", "python3.13", 9)
    named = {it.package: guard for it in blueprint.in_order() if isinstance(it, ServerlessFunction) and it.package}
    services = [it.service for it in blueprint.resources if isinstance(it, ContainerService) and not it.image]
    image = Artifact("ef" * 32, Path(__file__), IMAGE_DIGEST, IMAGE_RUNTIME, 9)
    named |= dict.fromkeys(map(service_package, services), image)
    if any(isinstance(it, StaticSite) for it in blueprint.resources):
        named[SITE_PACKAGE] = make_site_package(Path(mkdtemp()))
    artifact = Artifact("ab" * 32, Path(__file__), "index.handler", "python3.13", 9, {"SHIM": "1"}, companions=named)
    context = ProgramContext(
        blueprint.stack, blueprint.generation, artifact, lambda name: SECRET, deferred=deferred, push_image=push_image
    )
    program.import_sdk(target, blueprint)
    run_program(lambda: program.register_blueprint(blueprint, target, context), recorder, stack="s", dry=False)  # type: ignore[arg-type]  # has the methods of a ResourceMonitor
    return recorder


def of_type(type_: str, registrations: list[Registration]) -> list[Registration]:
    return [each for each in registrations if each.type == type_]


def inputs_of(type_: str, registrations: list[Registration]) -> dict[str, Any]:
    [found] = of_type(type_, registrations)
    return found.inputs


def inputs_named(type_: str, name: str, registrations: list[Registration]) -> dict[str, Any]:
    [found] = [each for each in of_type(type_, registrations) if each.name == name]
    return found.inputs
