"""Pulumi's provider protocol over a simulated cloud: protobuf in, protobuf out, no rules."""

# ruff: noqa: N802 - the names are those of the protocol

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from grpc import ServicerContext as Context
from grpc import StatusCode
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from semantest_iac.infrastructure.clouds.registry import CLOUDS, region_setting_of
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.values import DEFAULTS_KEY, ResourceProperties, is_given
from semantest_iac.infrastructure.simulated_provider import wire
from semantest_iac.infrastructure.simulated_provider.wire import abort_on_refusal

CloudForRegion = Callable[[str, str], SimulatedCloud]
"""The simulated cloud of a provider package in a region."""


class SimulatedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One package, for any number of provider resources: the engine opens a connection for each of them.

    Like the providers of AWS and Azure it accepts no secrets: the engine then opens them for the provider and
    seals again every output whose input was secret.
    """

    def __init__(self, package: str, clouds: CloudForRegion, default_region: str) -> None:
        self._package = package
        self._of_region = clouds
        self._default_region = default_region
        self._clouds: dict[
            str, SimulatedCloud
        ] = {}  # by connection, as no later request says which provider it is meant for

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """What the provider understands: plain values only."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        """Heard; nothing is ever asked of the engine."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """As new as the SDK here, which is what programs ask for."""
        return plugin_pb2.PluginInfo(version=version(CLOUDS.find_by_package(self._package).sdk))

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Context) -> provider_pb2.GetSchemaResponse:
        """The name alone: programs bring their own SDK."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._package}))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Any configuration is fine: only the region counts here."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """A provider that works elsewhere is another one; any other change is the engine's to find."""
        olds, news = wire.decode_struct(request.old_inputs), wire.decode_struct(request.news)
        place = region_setting_of(self._package)
        moved = [place] if olds.get(place) != news.get(place) else []
        changes = provider_pb2.DiffResponse.DIFF_SOME if moved else provider_pb2.DiffResponse.DIFF_UNKNOWN
        return provider_pb2.DiffResponse(changes=changes, diffs=moved, replaces=moved)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:
        """Bind the connection to the cloud of its region."""
        place = f"{self._package}:config:{region_setting_of(self._package)}"
        region = request.variables.get(place) or self._default_region
        self._clouds[context.peer()] = self._of_region(self._package, region)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Inputs with an automatic name, and what is wrong with them.

        Properties are named in the reason: where they have a field of their own, the engine prints the value too,
        secret or not.
        """
        cloud, type_ = self._cloud(context), request.type
        response = provider_pb2.CheckResponse(inputs=request.news)
        if not cloud.supports(type_):
            response.failures.add(reason=f"The simulated cloud has no rules for {type_}.")
            return response
        inputs, previous = wire.decode_struct(request.news), wire.decode_struct(request.olds)
        salt = request.randomSeed.hex() or request.urn
        named = cloud.add_physical_name(type_, inputs, request.name, previous=previous, salt=salt)
        response.inputs.update({name: value for name, value in named.items() if inputs.get(name) != value})
        for failure in cloud.check(type_, named):
            if not failure.warning:
                response.failures.add(reason=f"{failure.property}: {failure.reason}")
        return response

    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """What an update to the new inputs would change."""
        inputs, outputs, news = map(wire.decode_struct, (request.old_inputs, request.olds, request.news))
        diff = self._cloud(context).diff(request.type, inputs, outputs, news)
        return wire.to_diff_response(diff, request.ignoreChanges)

    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        """Make a resource; a mark of the request is kept beside it, as one URN may be made twice."""
        cloud, inputs = self._cloud(context), wire.decode_struct(request.properties)
        if request.preview:
            planned = cloud.preview_create(request.type, inputs)
            return provider_pb2.CreateResponse(properties=wire.encode_struct(planned, request.properties))
        with abort_on_refusal(context, f"creating {request.type} ({request.name})", request.properties):
            made = cloud.create(request.type, inputs, owner=f"{request.urn}#{uuid.uuid4().hex}")
        return provider_pb2.CreateResponse(id=made.id, properties=wire.encode_struct(made.outputs, request.properties))

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """What the cloud has, with the inputs that would make it so; nothing where it is gone."""
        cloud, state = self._cloud(context), wire.decode_struct(request.properties)
        with abort_on_refusal(context, f"reading {request.type} ({request.id})"):
            outputs = cloud.read(request.type, request.id, state)
        if outputs is None:
            return provider_pb2.ReadResponse()
        if request.HasField("inputs"):
            inputs = _refresh_inputs(wire.decode_struct(request.inputs), outputs)
        else:
            inputs = _import_inputs(cloud, request.type, outputs)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=wire.encode_struct(outputs, request.properties),
            inputs=wire.encode_struct(inputs, request.inputs),
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""
        cloud, news = self._cloud(context), wire.decode_struct(request.news)
        if request.preview:
            outputs = cloud.preview_update(request.type, wire.decode_struct(request.olds), news)
        else:
            with abort_on_refusal(context, f"updating {request.type} ({request.name})"):
                outputs = cloud.update(request.type, request.id, news)
        return provider_pb2.UpdateResponse(properties=wire.encode_struct(outputs, request.news))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Remove a resource."""
        with abort_on_refusal(context, f"deleting {request.type} ({request.name})"):
            self._cloud(context).delete(request.type, request.id, wire.decode_struct(request.properties))
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        """Ask a data source."""
        with abort_on_refusal(context, f"invoking {request.tok}"):
            answer = self._cloud(context).invoke(request.tok, wire.decode_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": wire.encode_struct(answer, struct_pb2.Struct())})

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """Heard: nothing here takes long enough to be cut short."""
        return empty_pb2.Empty()

    def _cloud(self, context: Context) -> SimulatedCloud:
        if context.peer() not in self._clouds:
            context.abort(StatusCode.FAILED_PRECONDITION, f"The provider of {self._package} was not configured.")
        return self._clouds[context.peer()]


def _refresh_inputs(inputs: ResourceProperties, outputs: ResourceProperties) -> dict[str, Any]:
    """The inputs as the cloud has them now, and those that it never tells: absent values and marks of the bridge."""
    told = {name: _in_input_form(inputs[name], outputs[name]) for name in inputs if name in outputs}
    kept = {name: value for name, value in inputs.items() if name == DEFAULTS_KEY or not is_given(value)}
    return {**kept, **told}


def _in_input_form(given_: Any, told: Any) -> Any:
    """What the cloud tells, in the form in which it is given: what is told by name may be given as a list of names."""
    if not isinstance(told, Mapping):
        return told
    if isinstance(given_, list):
        return list(told)
    known = given_ if isinstance(given_, Mapping) else {}
    return {name: _in_input_form(known.get(name), value) for name, value in told.items()}


def _import_inputs(cloud: SimulatedCloud, type_: str, outputs: ResourceProperties) -> dict[str, Any]:
    """Those outputs that the type takes as inputs, as far as they pass its check."""
    refused = {failure.property.partition(".")[0] for failure in cloud.check(type_, outputs)}
    return {name: value for name, value in outputs.items() if name not in refused}
