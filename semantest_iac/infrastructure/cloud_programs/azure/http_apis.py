"""HTTP APIs: the app's own endpoint in development, elsewhere API Management on its Consumption tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import pulumi
from pulumi_azure_native import apimanagement

from semantest_iac.domain.delivery.canary import WHOLE
from semantest_iac.domain.environments.environment_settings import Throttling
from semantest_iac.domain.environments.settings import Authorizer
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.infrastructure.cloud_programs.azure.foundation import common_arguments, globally_unique_name
from semantest_iac.infrastructure.cloud_programs.azure.gateway.api_operations import (
    expand_methods,
    make_operation_id,
    make_url_template,
)
from semantest_iac.infrastructure.cloud_programs.azure.gateway.policy_elements import (
    ORIGINAL_HOST,
    ORIGINAL_HOST_HEADER,
    add_cors,
    add_header,
    add_section,
    add_token_check,
    render_policy,
)
from semantest_iac.infrastructure.cloud_programs.azure.publishing import CANARY_APP
from semantest_iac.infrastructure.cloud_programs.azure.security import assign_role
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

BACKEND_ID, KEY_ID = "live", "gateway-key"
CANARY_BACKEND_ID, POOL_ID = "canary", "shared"
GATEWAY_KEY_HEADER = "x-semantest-gateway"
_MAX_PERIOD_S = 300  # seconds


def policy_document(api: HttpApi, public_operations: Sequence[str], backend_id: str = BACKEND_ID) -> str:
    """Build the policy: CORS, rate limit, token check, headers, then the app; `public_operations` need no token."""
    root = Element("policies")
    inbound = add_section(root, "inbound")
    if api.cors:
        add_cors(inbound, api.cors)
    _add_rate_limit(inbound, api.throttling)
    if api.authorizer:
        _add_token_check(inbound, api.authorizer, public_operations)
    for name, value in ((GATEWAY_KEY_HEADER, f"{{{{{KEY_ID}}}}}"), (ORIGINAL_HOST_HEADER, ORIGINAL_HOST)):
        add_header(inbound, name, value)
    SubElement(inbound, "set-backend-service", {"backend-id": backend_id})
    SubElement(SubElement(root, "backend"), "forward-request", timeout=str(api.integration_timeout_s))
    for name in ("outbound", "on-error"):
        add_section(root, name)
    return render_policy(root)


def _add_rate_limit(inbound: Element, throttling: Throttling) -> None:
    """Allow so many calls in a period just long enough for the burst, by all clients together.

    The vendor documents the policy for calls with a subscription key; calls without one were measured to count too
    (ronaldbosma.github.io, 2026-01-06). `rate-limit-by-key`, which would settle it, is not in the Consumption tier.
    """
    period = min(max(1, ceil(throttling.burst / throttling.rate)), _MAX_PERIOD_S)
    calls = max(1, round(throttling.rate * period))
    SubElement(inbound, "rate-limit", {"calls": str(calls), "renewal-period": str(period)})


def _add_token_check(inbound: Element, jwt: Authorizer, public_operations: Sequence[str]) -> None:
    condition = " && ".join(f'context.Operation.Id != "{operation}"' for operation in public_operations) or "true"
    when = SubElement(SubElement(inbound, "choose"), "when", condition=f"@({condition})")
    add_token_check(when, jwt)


GATEWAY_PURPOSE = "gateway"


def create_access_log(
    api: apimanagement.Api, service: apimanagement.ApiManagementService, logs: Outputs, context: ProgramContext
) -> None:
    """Log with the gateway's own identity.

    Its tier cannot log to a workspace (source: Azure's comparison of the tiers).
    """
    in_service = {"resource_group_name": context.outputs[FOUNDATION]["group"], "service_name": service.name}
    identity = {"principal": service.identity.apply(lambda it: it.principal_id), "purpose": GATEWAY_PURPOSE}
    logger = apimanagement.Logger(
        GATEWAY_PURPOSE,
        logger_id="access",
        logger_type="applicationInsights",
        resource_id=logs["insights"],
        credentials={"connectionString": logs["connection"], "identityClientId": "SystemAssigned"},
        opts=context.options(depends_on=[assign_role("telemetry", logs["insights"], identity, context)]),
        **in_service,
    )
    apimanagement.ApiDiagnostic(
        GATEWAY_PURPOSE,
        api_id=api.name,
        diagnostic_id="applicationinsights",
        logger_id=logger.id,
        always_log="allErrors",
        http_correlation_protocol="W3C",
        log_client_ip=True,
        sampling={"sampling_type": "fixed", "percentage": 100},
        opts=context.options(),
        **in_service,
    )


_PUBLISHER = {"publisher_name": "Semantest", "publisher_email": "noreply@semantest.com"}
_ACTIVATION_TIMEOUTS = pulumi.CustomTimeouts(create="2h", delete="1h")


def create_gateway(api: HttpApi, context: ProgramContext) -> Outputs:
    """Create a service for this stack alone: an idle one costs nothing."""
    service = apimanagement.ApiManagementService(
        api.name,
        service_name=globally_unique_name("gateway", context),
        sku={"name": "Consumption", "capacity": 0},
        identity={"type": "SystemAssigned"},
        **common_arguments(context),
        opts=context.options(custom_timeouts=_ACTIVATION_TIMEOUTS),
        **_PUBLISHER,
    )
    in_service = {"resource_group_name": context.outputs[FOUNDATION]["group"], "service_name": service.name}
    gateway_api = apimanagement.Api(
        api.name,
        api_id=api.name,
        display_name=api.name,
        path="",
        protocols=["https"],
        subscription_required=False,
        opts=context.options(),
        **in_service,
    )
    _create_operations(api, in_service | {"api_id": gateway_api.name}, context)
    _route_to_app(api, in_service, gateway_api, context)
    if api.access_log:
        create_access_log(gateway_api, service, context.outputs[api.access_log], context)
    return {"id": service.id, "name": service.name, "endpoint": service.gateway_url, "gateway_id": service.id}


def _create_operations(api: HttpApi, in_service: dict[str, Any], context: ProgramContext) -> None:
    for endpoint, method in expand_methods(api.endpoints):
        template, parameters = make_url_template(endpoint.path)
        apimanagement.ApiOperation(
            replace(endpoint, method=method).shape,  # a variable can then be renamed in place
            operation_id=make_operation_id(endpoint, method),
            display_name=f"{method} {endpoint.path}",
            method=method,
            url_template=template,
            template_parameters=[{"name": name, "type": "string", "required": True} for name in parameters],
            opts=context.options(aliases=[pulumi.Alias(name=f"{method} {endpoint.path}")], delete_before_replace=True),
            **in_service,
        )


def _route_to_app(
    api: HttpApi, in_service: dict[str, Any], gateway_api: apimanagement.Api, context: ProgramContext
) -> None:
    """Create a named backend, and lead the requests to it, to the one of a new version, or to a pool of both."""
    app = context.outputs[api.target]
    backend = _create_backend(api.name, BACKEND_ID, app["host"], in_service, context)
    shared = _share_with_canary(app, backend, in_service, context) if "canary" in app else None
    backend_id, others = shared or (BACKEND_ID, [])
    key = apimanagement.NamedValue(
        api.name,
        named_value_id=KEY_ID,
        display_name=KEY_ID,
        secret=True,
        value=app["gateway_key"],
        opts=context.options(),
        **in_service,
    )
    public = [
        make_operation_id(endpoint, method) for endpoint, method in expand_methods(api.endpoints) if endpoint.public
    ]
    apimanagement.ApiPolicy(
        api.name,
        api_id=gateway_api.name,
        policy_id="policy",
        format="xml",
        value=policy_document(api, public, backend_id),
        opts=context.options(depends_on=[backend, key, *others]),
        **in_service,
    )


def _create_backend(
    name: str, backend_id: str, host: pulumi.Input[str], in_service: dict[str, Any], context: ProgramContext
) -> apimanagement.Backend:
    return apimanagement.Backend(
        name,
        backend_id=backend_id,
        protocol="http",
        url=pulumi.Output.concat("https://", host),
        opts=context.options(),
        **in_service,
    )


def _share_with_canary(
    app: Outputs, live: apimanagement.Backend, in_service: dict[str, Any], context: ProgramContext
) -> tuple[str, list[pulumi.Resource]]:
    """Create what leads requests to the app of a new version; returns the id of the backend of all requests.

    It belongs to the live version, like the app. A pool stands only where both get requests: a weight of 0 is in the
    schema, and what it does is not documented.
    """
    context = context.under(context.outputs[CANARY_APP]["parent"])
    canary = _create_backend(CANARY_BACKEND_ID, CANARY_BACKEND_ID, app["canary"].default_host_name, in_service, context)
    share = app["canary_share"]
    if share in (0, WHOLE):
        return (CANARY_BACKEND_ID if share else BACKEND_ID), [canary]
    weights = {live: WHOLE - share, canary: share}
    pool = apimanagement.Backend(
        POOL_ID,
        backend_id=POOL_ID,
        type="Pool",
        pool={"services": [{"id": it.id, "weight": weight, "priority": 1} for it, weight in weights.items()]},
        opts=context.options(),
        **in_service,
    )
    return POOL_ID, [canary, pool]


def create_http_api(api: HttpApi, context: ProgramContext) -> Outputs:
    """Create an HTTPS endpoint whose routes all call the app."""
    routes = [str(endpoint) for endpoint in api.endpoints]
    if context.outputs[FOUNDATION]["has_gateway"]:
        return {**create_gateway(api, context), "routes": routes}
    app = context.outputs[api.target]
    return {
        "id": app["arn"],
        "name": app["name"],
        "endpoint": pulumi.Output.concat("https://", app["host"]),
        "gateway_id": None,
        "takes_code": True,
        "routes": routes,
    }
