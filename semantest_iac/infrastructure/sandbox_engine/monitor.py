"""Pulumi's resource monitor and engine services, in-process: protobuf in, protobuf out, no decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import (
    DesiredState,
    RegistrationContext,
    decode_read,
    decode_registration,
    default_provider,
)
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import StepError
from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import PROVIDER_TYPE_PREFIX
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

# What Pulumi's CLI 3.250 says yes to. Parts of it that the sandbox does not play are refused when used.
SUPPORTED_FEATURES = frozenset(
    [
        "secrets",
        "resourceReferences",
        "outputValues",
        "deletedWith",
        "replaceWith",
        "aliasSpecs",
        "transforms",
        "invokeTransforms",
        "parameterization",
        "resourceHooks",
        "errorHooks",
    ]
)

# older SDKs read the provider's own answer
_InvokeResponse = getattr(resource_pb2, "ResourceInvokeResponse", provider_pb2.InvokeResponse)

OnComponentComplete = Callable[[str, PropertyValues], None]
"""Told of a component by its URN when the program has handed in its outputs."""


class MonitorError(grpc.RpcError):  # type: ignore[misc]  # grpc is untyped
    """An answer that the SDK takes for the engine's own."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        """The gRPC status."""
        return self._code

    def details(self) -> str:
        """The sentence for the person."""
        return self._details


class ResourceMonitor:
    """The calls that Pulumi's SDK makes of `ResourceMonitor`, answered by one run."""

    def __init__(self, run: SandboxRun, *, stack: str, project: str, settled: OnComponentComplete) -> None:
        self._run = run
        self._stack = stack
        self._project = project
        self._settled = settled
        self._default_providers: dict[tuple[str, str], str] = {}

    @property
    def failure(self) -> Exception | None:
        """Why the run stopped, where it did: what the SDK raises then says less."""
        return self._run.executor.brake.reason

    def SupportsFeature(self, request: Any) -> resource_pb2.SupportsFeatureResponse:  # noqa: N802
        """As the CLI answers."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in SUPPORTED_FEATURES)

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Bring one resource to its goal."""
        with self._refusing():
            state = self._run.register(decode_registration(request, self._place(request)))
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=wire.encode_properties(state.outputs if state.custom else {}),
            result=resource_pb2.Result.SUCCESS,
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """A component is complete."""
        with self._refusing():
            outputs = wire.decode_properties(request.outputs)
            self._run.complete(request.urn, outputs)
            self._settled(request.urn, outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Look at a resource that somebody else keeps."""
        with self._refusing():
            state = self._run.read(decode_read(request, self._place(request)))
        return resource_pb2.ReadResourceResponse(urn=state.urn, properties=wire.encode_properties(state.outputs))

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Ask the cloud something; a refusal is the program's to deal with."""
        with self._refusing():
            provider = request.provider or self._default_provider(request.tok, request.version)
        cloud = self._run.regions.at(request.tok, provider)
        try:
            answer = cloud.invoke(request.tok, wire.decode_properties(request.args))
        except CloudRefusal as refusal:
            raise MonitorError(grpc.StatusCode.UNKNOWN, str(refusal)) from refusal
        return _InvokeResponse(**{"return": wire.encode_properties(answer)})

    def SignalAndWaitForShutdown(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """The program has registered all it has."""
        return empty_pb2.Empty()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name[:1].isupper():
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Any:
            raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, f"The sandbox does not play {name}.")

        return refuse

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Whatever goes wrong ends the run; the SDK hears of it as it would from Pulumi's engine."""
        try:
            yield
        except Exception as error:
            self._run.executor.brake.pull(error)
            if isinstance(error, StepError | UnsupportedError):
                raise MonitorError(grpc.StatusCode.UNKNOWN, str(error)) from error
            raise

    def _place(self, request: Any) -> RegistrationContext:
        parent = self._run.executor.snapshot.new(request.parent)
        return RegistrationContext(self._stack, self._project, parent, self._provider(request))

    def _provider(self, request: Any) -> str:
        of_its_own = getattr(request, "custom", True) and not request.type.startswith(PROVIDER_TYPE_PREFIX)
        if request.provider or not of_its_own:
            return str(request.provider)
        return self._default_provider(request.type, request.version)

    def _default_provider(self, token: str, version: str) -> str:
        package = token.partition(":")[0], version
        if package not in self._default_providers:
            state = self._run.register(
                DesiredState(default_provider(*package, RegistrationContext(self._stack, self._project)))
            )
            self._default_providers[package] = f"{state.urn}::{state.id or wire.UNKNOWN_MARKER}"
        return self._default_providers[package]


class EngineService:
    """The calls that Pulumi's SDK makes of `Engine`: the root resource; what it logs is told as errors anyway."""

    def __init__(self) -> None:
        self._root = ""

    def GetRootResource(self, request: Any) -> engine_pb2.GetRootResourceResponse:  # noqa: N802
        """The stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any) -> engine_pb2.SetRootResourceResponse:  # noqa: N802
        """The stack is known."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def Log(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """Heard."""
        return empty_pb2.Empty()
