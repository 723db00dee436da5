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

# Pulumi's CLI 3.250 answers yes for these. The parts that the sandbox does not support are refused when used.
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

# older SDKs read the provider's response type
_InvokeResponse = getattr(resource_pb2, "ResourceInvokeResponse", provider_pb2.InvokeResponse)

OnComponentComplete = Callable[[str, PropertyValues], None]
"""Called with a component's URN and outputs when the program has registered them."""


class MonitorError(grpc.RpcError):  # type: ignore[misc]  # grpc is untyped
    """An error that the SDK treats as one of Pulumi's own engine."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class ResourceMonitor:
    """Answers the SDK's `ResourceMonitor` calls by one run."""

    def __init__(self, run: SandboxRun, *, stack: str, project: str, on_component: OnComponentComplete) -> None:
        self._run = run
        self._stack = stack
        self._project = project
        self._on_component = on_component
        self._default_providers: dict[tuple[str, str], str] = {}
        self._refused_calls: list[CloudRefusal] = []

    @property
    def failure(self) -> Exception | None:
        """The reason why the run stopped, if it did; the SDK's own exception says less."""
        return self._run.executor.cancel_token.reason

    def find_refused_call(self, error: Exception) -> CloudRefusal | None:
        """Return the refused call of a function that the program did not handle, so that it ended with this error."""
        return next((refusal for refusal in self._refused_calls if str(refusal) in str(error)), None)

    def SupportsFeature(self, request: Any) -> resource_pb2.SupportsFeatureResponse:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in SUPPORTED_FEATURES)

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        with self._stop_on_error():
            state = self._run.register(decode_registration(request, self._context(request)))
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=wire.encode_properties(state.outputs if state.custom else {}),
            result=resource_pb2.Result.SUCCESS,
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        with self._stop_on_error():
            outputs = wire.decode_properties(request.outputs)
            self._run.complete_component(request.urn, outputs)
            self._on_component(request.urn, outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        with self._stop_on_error():
            state = self._run.read(decode_read(request, self._context(request)))
        return resource_pb2.ReadResourceResponse(urn=state.urn, properties=wire.encode_properties(state.outputs))

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Call a function of the cloud; the program handles a refusal."""
        with self._stop_on_error():
            provider = request.provider or self._ensure_default_provider(request.tok, request.version)
        cloud = self._run.clouds.cloud_at(request.tok, provider)
        try:
            result = cloud.invoke(request.tok, wire.decode_properties(request.args))
        except CloudRefusal as refusal:
            self._refused_calls.append(refusal)
            raise MonitorError(grpc.StatusCode.UNKNOWN, str(refusal)) from refusal
        return _InvokeResponse(**{"return": wire.encode_properties(result)})

    def SignalAndWaitForShutdown(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name[:1].isupper():
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Any:
            raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, f"The sandbox does not support {name}.")

        return refuse

    @contextmanager
    def _stop_on_error(self) -> Iterator[None]:
        """Stop the run on any error, and report it to the SDK as Pulumi's engine would."""
        try:
            yield
        except Exception as error:
            self._run.executor.cancel_token.cancel(error)
            if isinstance(error, StepError | UnsupportedError):
                raise MonitorError(grpc.StatusCode.UNKNOWN, str(error)) from error
            raise

    def _context(self, request: Any) -> RegistrationContext:
        parent = self._run.executor.snapshot.find_finished_in_run(request.parent)
        return RegistrationContext(self._stack, self._project, parent, self._provider(request))

    def _provider(self, request: Any) -> str:
        takes_provider = getattr(request, "custom", True) and not request.type.startswith(PROVIDER_TYPE_PREFIX)
        if request.provider or not takes_provider:
            return str(request.provider)
        return self._ensure_default_provider(request.type, request.version)

    def _ensure_default_provider(self, token: str, version: str) -> str:
        package = token.partition(":")[0], version
        if package not in self._default_providers:
            state = self._run.register(
                DesiredState(default_provider(*package, RegistrationContext(self._stack, self._project)))
            )
            self._default_providers[package] = f"{state.urn}::{state.id or wire.UNKNOWN_MARKER}"
        return self._default_providers[package]


class EngineService:
    """Answers the SDK's `Engine` calls; discards logs, because errors are reported anyway."""

    def __init__(self) -> None:
        self._root = ""

    def GetRootResource(self, request: Any) -> engine_pb2.GetRootResourceResponse:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any) -> engine_pb2.SetRootResourceResponse:  # noqa: N802
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def Log(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()
