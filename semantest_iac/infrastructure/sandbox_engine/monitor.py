"""Pulumi's resource monitor and engine services, in-process: protobuf in, protobuf out, no decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.goals import UnsupportedError, goal_of
from semantest_iac.infrastructure.sandbox_engine.run import Run, StepError
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import Properties

# What Pulumi's CLI 3.250 says yes to. Parts of it that the sandbox does not play are refused when used.
FEATURES = frozenset(
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

Settled = Callable[[str, Properties], None]
"""Told of a component by its URN when the program has handed in its outputs."""

Invoke = Callable[[Any], Properties]
Read = Callable[[Any], ResourceState]


class Refused(grpc.RpcError):  # type: ignore[misc]  # grpc is untyped
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


class Monitor:
    """The calls that Pulumi's SDK makes of `ResourceMonitor`, answered by one run."""

    def __init__(self, run: Run, *, stack: str, project: str, invoke: Invoke, read: Read, settled: Settled) -> None:
        self._run = run
        self._stack = stack
        self._project = project
        self._invoke = invoke
        self._read = read
        self._settled = settled

    @property
    def failure(self) -> Exception | None:
        """Why the run stopped, where it did: what the SDK raises then says less."""
        return self._run.failure

    def SupportsFeature(self, request: Any) -> resource_pb2.SupportsFeatureResponse:  # noqa: N802
        """As the CLI answers."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Bring one resource to its goal."""
        try:
            goal = goal_of(request, stack=self._stack, project=self._project)
            state = self._run.register(goal)
        except UnsupportedError as error:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, str(error)) from error
        except StepError as error:
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, error.message) from error
        except Exception as error:
            self._run.stop(error)
            raise
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=wire.encode(state.outputs if state.custom else {}),
            result=resource_pb2.Result.SUCCESS,
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """A component is complete."""
        outputs = wire.decode(request.outputs)
        self._run.complete(request.urn, outputs)
        self._settled(request.urn, outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Look at a resource that somebody else keeps."""
        try:
            state = self._read(request)
        except StepError as error:
            raise Refused(grpc.StatusCode.NOT_FOUND, error.message) from error
        return resource_pb2.ReadResourceResponse(urn=state.urn, properties=wire.encode(state.outputs))

    def Invoke(self, request: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        """Ask the cloud something."""
        answer = self._invoke(request)
        return provider_pb2.InvokeResponse(**{"return": wire.encode(answer)})

    def SignalAndWaitForShutdown(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """The program has registered all it has."""
        return empty_pb2.Empty()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name[:1].isupper():
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Any:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"The sandbox does not play {name}.")

        return refuse


class Engine:
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
