"""What stands before Meadow's functions on this machine; they take the events that Lambda takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes import http_api
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.routes import match_route
from semantest_iac.infrastructure.local_service.front import Arrival, Front, Unpack


def front(resources: Sequence[DeployedResource], unpack: Unpack) -> Front | None:
    """The API of a stack, or None where the stack has none."""
    found = {resource.type.rpartition(":")[2]: resource for resource in resources}
    if "Api" not in found or "Function" not in found:
        return None
    api, host = found["Api"].outputs, found["Api"].outputs["address"].removeprefix("https://")

    def admit(request: HttpRequest) -> Arrival:
        match = match_route(api["routes"], request.method, request.path)
        if match is None:
            return Arrival(refusal=http_api.not_found())
        seen = http_api.Arrival("a-request", datetime.now(UTC))
        return Arrival(event=http_api.event_for(request, match, http_api.ApiIdentity(api["name"], host), seen))

    return Front(partial(_function, found["Function"], unpack), admit, lambda _, result: http_api.response_for(result))


def _function(function: DeployedResource, unpack: Unpack) -> FunctionSpec:
    told = function.outputs
    return FunctionSpec(
        package=unpack(told["digest"]),
        handler=told["handler"],
        runtime=told["runtime"],
        environment=told.get("settings") or {},
        memory_mb=int(told["memory"]),
        timeout_s=float(told["timeout"]),
        name=told["name"],
    )
