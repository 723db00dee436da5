"""Pulumi's provider protocol over a simulated cloud: it translates protobuf messages and has no rules."""

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
from semantest_iac.infrastructure.simulated_cloud.schema.values import DEFAULTS_KEY, ResourceProperties, is_given_value
from semantest_iac.infrastructure.simulated_provider import wire
from semantest_iac.infrastructure.simulated_provider.wire import abort_on_refusal

CloudForRegion = Callable[[str, str], SimulatedCloud]
"""The simulated cloud of a provider package in a region."""


class SimulatedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider of one package, for any number of provider resources: the engine opens a connection for each.

    Like the providers of AWS and Azure it accepts no secrets: the engine decrypts them for the provider and encrypts
    every output whose input was secret.
    """

    def __init__(self, package: str, cloud_for_region: CloudForRegion, default_region: str) -> None:
        self._package = package
        self._cloud_for_region = cloud_for_region
        self._default_region = default_region
        self._clouds: dict[
            str, SimulatedCloud
        ] = {}  # by connection: later requests do not name their provider resource

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """The features of the provider: plain values only."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        """Accept the engine's address, which is not used."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """The version of the installed SDK, which programs ask for."""
        return plugin_pb2.PluginInfo(version=version(CLOUDS.find_by_package(self._package).sdk_distribution))

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Context) -> provider_pb2.GetSchemaResponse:
        """The package's name alone: programs bring their own SDK."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._package}))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Accept any configuration: only the region is used."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """A provider of another region is replaced; other changes are left to the engine."""
        olds, news = wire.decode_struct(request.old_inputs), wire.decode_struct(request.news)
        key = region_setting_of(self._package)
        replaced = [key] if olds.get(key) != news.get(key) else []
        changes = provider_pb2.DiffResponse.DIFF_SOME if replaced else provider_pb2.DiffResponse.DIFF_UNKNOWN
        return provider_pb2.DiffResponse(changes=changes, diffs=replaced, replaces=replaced)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:
        """Bind the connection to the cloud of its region."""
        key = f"{self._package}:config:{region_setting_of(self._package)}"
        region = request.variables.get(key) or self._default_region
        self._clouds[context.peer()] = self._cloud_for_region(self._package, region)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """The inputs with an automatic name, and their failures.

        The reason names the property: the engine would print the value of a property field, secret or not.
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
        inputs, outputs, news = map(wire.decode_struct, (request.old_inputs, request.olds, request.news))
        diff = self._cloud(context).diff(request.type, inputs, outputs, news)
        return wire.to_diff_response(diff, request.ignoreChanges)

    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        """Create a resource; its owner is unique per request, as the engine may create one URN twice."""
        cloud, inputs = self._cloud(context), wire.decode_struct(request.properties)
        if request.preview:
            planned = cloud.preview_create(request.type, inputs)
            return provider_pb2.CreateResponse(properties=wire.encode_struct(planned, request.properties))
        with abort_on_refusal(context, f"creating {request.type} ({request.name})", request.properties):
            created = cloud.create(request.type, inputs, owner=f"{request.urn}#{uuid.uuid4().hex}")
        return provider_pb2.CreateResponse(
            id=created.id, properties=wire.encode_struct(created.outputs, request.properties)
        )

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """The resource's outputs and the inputs that lead to them; empty if it does not exist."""
        cloud, state = self._cloud(context), wire.decode_struct(request.properties)
        with abort_on_refusal(context, f"reading {request.type} ({request.id})"):
            outputs = cloud.read(request.type, request.id, state)
        if outputs is None:
            return provider_pb2.ReadResponse()
        if request.HasField("inputs"):
            inputs = _refresh_inputs(wire.decode_struct(request.inputs), state, outputs)
        else:
            inputs = _import_inputs(cloud, request.type, outputs)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=wire.encode_struct(outputs, request.properties),
            inputs=wire.encode_struct(inputs, request.inputs),
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        cloud, news = self._cloud(context), wire.decode_struct(request.news)
        if request.preview:
            outputs = cloud.preview_update(request.type, wire.decode_struct(request.olds), news)
        else:
            with abort_on_refusal(context, f"updating {request.type} ({request.name})"):
                outputs = cloud.update(request.type, request.id, news)
        return provider_pb2.UpdateResponse(properties=wire.encode_struct(outputs, request.news))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        with abort_on_refusal(context, f"deleting {request.type} ({request.name})"):
            self._cloud(context).delete(request.type, request.id, wire.decode_struct(request.properties))
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        with abort_on_refusal(context, f"invoking {request.tok}"):
            answer = self._cloud(context).invoke(request.tok, wire.decode_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": wire.encode_struct(answer, struct_pb2.Struct())})

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """Do nothing: no operation takes long."""
        return empty_pb2.Empty()

    def _cloud(self, context: Context) -> SimulatedCloud:
        if context.peer() not in self._clouds:
            context.abort(StatusCode.FAILED_PRECONDITION, f"The provider of {self._package} was not configured.")
        return self._clouds[context.peer()]


def _refresh_inputs(
    inputs: ResourceProperties, known: ResourceProperties, outputs: ResourceProperties
) -> dict[str, Any]:
    """The inputs with the cloud's current values; those that the cloud never returns are kept.

    `known` are the outputs in the state. What the cloud has computed within an input is none of it, as with
    azure-native, which applies to the inputs what has changed between both outputs.
    """
    current = {name: _in_input_form(inputs[name], known.get(name), outputs[name]) for name in inputs if name in outputs}
    never_returned = {
        name: value for name, value in inputs.items() if name == DEFAULTS_KEY or not is_given_value(value)
    }
    return {**never_returned, **current}


def _in_input_form(input_: Any, known: Any, output: Any) -> Any:
    """The cloud's value in the form of the input: the input of a mapping may be the list of its names."""
    if not isinstance(output, Mapping):
        return output
    if isinstance(input_, list):
        return list(output)
    inputs, before = (it if isinstance(it, Mapping) else {} for it in (input_, known))
    never_told = {name: value for name, value in inputs.items() if name not in before and name not in output}
    told = {
        name: _in_input_form(inputs.get(name), before.get(name), value)
        for name, value in output.items()
        if name in inputs or before.get(name) != value
    }
    return {**never_told, **told}


def _import_inputs(cloud: SimulatedCloud, type_: str, outputs: ResourceProperties) -> dict[str, Any]:
    """The outputs that the type accepts as inputs."""
    refused = {failure.property.partition(".")[0] for failure in cloud.check(type_, outputs)}
    return {name: value for name, value in outputs.items() if name not in refused}
