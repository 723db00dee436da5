"""The frontend of Meadow's functions on this machine; they take the same events as Lambda functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes import api_gateway
from semantest_iac.infrastructure.function_runtimes.api_gateway import match_route
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend, UnpackPackage


def build_api_frontend(resources: Sequence[DeployedResource], unpack: UnpackPackage) -> ApiFrontend | None:
    """Build the frontend of a stack's API, or return None if the stack has none."""
    found = {resource.type.rpartition(":")[2]: resource for resource in resources}
    if "Api" not in found or "Function" not in found:
        return None
    api, host = found["Api"].outputs, found["Api"].outputs["address"].removeprefix("https://")

    def admit(request: HttpRequest) -> AdmissionResult:
        if not api_gateway.is_decodable(request.path):
            return AdmissionResult(direct_response=api_gateway.api_bad_request_response())
        match = match_route(api["routes"], request.method, request.path)
        if match is None:
            return AdmissionResult(direct_response=api_gateway.api_not_found_response())
        metadata = api_gateway.RequestMetadata("a-request", datetime.now(UTC))
        return AdmissionResult(
            event=api_gateway.build_api_event(request, match, api_gateway.ApiIdentity(api["name"], host), metadata)
        )

    return ApiFrontend(
        partial(_read_function_spec, found["Function"], unpack),
        admit,
        lambda _, result: api_gateway.build_api_response(result),
    )


def _read_function_spec(function: DeployedResource, unpack: UnpackPackage) -> FunctionSpec:
    outputs = function.outputs
    return FunctionSpec(
        package=unpack(outputs["digest"]),
        handler=outputs["handler"],
        runtime=outputs["runtime"],
        environment=outputs.get("settings") or {},
        memory_mb=int(outputs["memory"]),
        timeout_s=float(outputs["timeout"]),
        name=outputs["name"],
    )
