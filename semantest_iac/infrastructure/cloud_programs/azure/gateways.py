"""API Management on its Consumption tier: a service, its operations, and the way to the app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pulumi
from pulumi_azure_native import apimanagement

from semantest_iac.domain.networking.http_api import ApiEndpoint, HttpApi
from semantest_iac.infrastructure.cloud_programs.azure.access_logs import access_log
from semantest_iac.infrastructure.cloud_programs.azure.limits import worldwide
from semantest_iac.infrastructure.cloud_programs.azure.policies import BACKEND, KEY, policy
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

_PUBLISHER = {"publisher_name": "Semantest", "publisher_email": "noreply@semantest.com"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ACTIVATION = pulumi.CustomTimeouts(create="2h", delete="1h")
_PARAMETER = re.compile(r"\{(\w+)\}")
_LONGEST_ID = 80


def gateway(api: HttpApi, context: Context) -> Made:
    """A service of its own: such services cost nothing while nobody calls."""
    service = apimanagement.ApiManagementService(
        api.name,
        service_name=worldwide("gateway", context),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        sku={"name": "Consumption", "capacity": 0},
        identity={"type": "SystemAssigned"},
        tags=context.tags,
        opts=context.options(custom_timeouts=_ACTIVATION),
        **_PUBLISHER,
    )
    inside = {"resource_group_name": context.made[GROUND]["group"], "service_name": service.name}
    made = apimanagement.Api(
        api.name,
        api_id=api.name,
        display_name=api.name,
        path="",
        protocols=["https"],
        subscription_required=False,
        opts=context.options(),
        **inside,
    )
    _operations(api, inside | {"api_id": made.name}, context)
    _way_to_app(api, inside, made, context)
    if api.access_log:
        access_log(made, service, context.made[api.access_log], context)
    return {"id": service.id, "name": service.name, "endpoint": service.gateway_url, "gateway_id": service.id}


def _operations(api: HttpApi, inside: dict[str, Any], context: Context) -> None:
    for endpoint, method in _each(api):
        template, parameters = _template(endpoint.path)
        apimanagement.ApiOperation(
            f"{method} {endpoint.path}",
            operation_id=operation_id(endpoint, method),
            display_name=f"{method} {endpoint.path}",
            method=method,
            url_template=template,
            template_parameters=[{"name": name, "type": "string", "required": True} for name in parameters],
            opts=context.options(),
            **inside,
        )


def _each(api: HttpApi) -> Iterator[tuple[ApiEndpoint, str]]:
    """Every endpoint by each of its methods once: there is no operation for all, and the exact one counts first."""
    exact = {(endpoint.method, endpoint.path) for endpoint in api.endpoints}
    for endpoint in api.endpoints:
        for method in _METHODS if endpoint.method == "ANY" else (endpoint.method,):
            if endpoint.method == method or (method, endpoint.path) not in exact:
                yield endpoint, method


def operation_id(endpoint: ApiEndpoint, method: str) -> str:
    """Readable, and told apart by a hash where two paths read alike."""
    path = re.sub(r"[^a-z0-9]+", "-", endpoint.path.lower()).strip("-") or "root"
    digest = sha256(f"{method} {endpoint.path}".encode()).hexdigest()[:6]
    return f"{method.lower()}-{path}"[: _LONGEST_ID - 7] + f"-{digest}"


def _template(path: str) -> tuple[str, list[str]]:
    """`/a/{id}/{rest+}` is `/a/{id}/*` here, with `id` as its only parameter."""
    template = re.sub(r"\{\w+\+\}$", "*", path)
    return template, _PARAMETER.findall(template)


def _way_to_app(api: HttpApi, inside: dict[str, Any], made: apimanagement.Api, context: Context) -> None:
    """Named, so that a pool of several apps with weights can take its place."""
    app = context.made[api.target]
    backend = apimanagement.Backend(
        api.name,
        backend_id=BACKEND,
        protocol="http",
        url=pulumi.Output.concat("https://", app["host"]),
        opts=context.options(),
        **inside,
    )
    key = apimanagement.NamedValue(
        api.name,
        named_value_id=KEY,
        display_name=KEY,
        secret=True,
        value=app["door_key"],
        opts=context.options(),
        **inside,
    )
    public = [operation_id(endpoint, method) for endpoint, method in _each(api) if endpoint.public]
    apimanagement.ApiPolicy(
        api.name,
        api_id=made.name,
        policy_id="policy",
        format="xml",
        value=policy(api, public),
        opts=context.options(depends_on=[backend, key]),
        **inside,
    )
