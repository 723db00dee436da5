"""The gateway in front of services: API Management with its APIs, products, subscriptions and telemetry."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import pulumi
from pulumi_azure_native import apimanagement, keyvault

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.networking.apis import ApiEndpoint
from semantest_iac.domain.networking.managed_gateways import (
    KEY_HEADER,
    GatewayApi,
    GatewayOperation,
    GatewayProduct,
    ManagedGateway,
)
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.azure.foundation import common_arguments, globally_unique_name
from semantest_iac.infrastructure.cloud_programs.azure.gateway.api_operations import (
    expand_methods,
    make_operation_id,
    make_url_template,
)
from semantest_iac.infrastructure.cloud_programs.azure.gateway.policy_documents import (
    LOGIN_VALUE_ID,
    build_api_policy,
    build_product_policy,
)
from semantest_iac.infrastructure.cloud_programs.azure.security import assign_role
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

SKUS: Mapping[Tier, str] = {"basic": "Developer", "standard": "StandardV2", "premium": "PremiumV2"}
"""The tiers of API Management. Of the classic ones, only Developer and Premium are put into a network.

Sources: Azure's pages on virtual networks with API Management, and on its v2 tiers.
"""
_ACTIVATION_TIMEOUTS = pulumi.CustomTimeouts(create="2h", update="2h", delete="1h")
_LOGGER_ID, _POLICY_ID = "telemetry", "policy"


@dataclass(frozen=True, slots=True)
class GatewayParent:
    """The service with the arguments of all that is created in it, and what it needs to read secrets."""

    service: apimanagement.ApiManagementService
    arguments: Mapping[str, Any]
    identity: Outputs


def create_managed_gateway(gateway: ManagedGateway, context: ProgramContext) -> Outputs:
    """Create a service with a public address, which reaches private services through its subnet."""
    service = _create_service(gateway, context)
    group = context.outputs[FOUNDATION]["group"]
    principal = service.identity.apply(lambda it: it.principal_id)
    parent = GatewayParent(
        service,
        {"resource_group_name": group, "service_name": service.name},
        {"principal": principal, "purpose": gateway.name},
    )
    needed = [_create_login(gateway, parent, context)] if gateway.login_secret else []
    sets = _create_version_sets(gateway, parent, context)
    apis = {api.name: _create_api(api, sets.get(api.path), parent, needed, context) for api in gateway.apis}
    products = {it.name: _create_product(it, apis, parent, context) for it in gateway.products}
    for subscription in gateway.subscriptions:
        apimanagement.Subscription(
            subscription.name,
            sid=subscription.name,
            display_name=subscription.name,
            scope=products[subscription.product].id,
            state="active",
            allow_tracing=False,
            **parent.arguments,
            opts=context.options(additional_secret_outputs=["primaryKey", "secondaryKey"]),
        )
    if gateway.log_store:
        _create_telemetry(gateway.log_store, parent, context)
    url = service.gateway_url
    return {"id": service.id, "arn": service.id, "name": service.name, "url": url, "endpoint": url}


def _create_service(gateway: ManagedGateway, context: ProgramContext) -> apimanagement.ApiManagementService:
    """Create the service under a name of this deployment's own: that of a deleted one is reserved for two days."""
    network: dict[str, Any] = {}
    if gateway.subnet:
        subnet = context.outputs[gateway.subnet]["subnet_id"]
        network = {
            "virtual_network_type": "External",
            "virtual_network_configuration": {"subnet_resource_id": subnet},
        }
    return apimanagement.ApiManagementService(
        gateway.name,
        service_name=globally_unique_name("gateway", context, context.add_deployment_suffix(gateway.name)),
        sku={"name": SKUS[gateway.tier], "capacity": 1},
        identity={"type": "SystemAssigned"},
        publisher_name="Semantest",
        publisher_email=gateway.publisher_email,
        **network,
        **common_arguments(context),
        opts=context.options(custom_timeouts=_ACTIVATION_TIMEOUTS, ignore_changes=["serviceName"]),
    )


def _create_login(gateway: ManagedGateway, parent: GatewayParent, context: ProgramContext) -> pulumi.Resource:
    """Create the login as clients send it, in the vault of the password, from which the gateway reads it itself.

    Policies take texts in place of names: a password as it is could end the expression that it stands in.
    """
    secret = context.outputs[Ref(gateway.login_secret or "")]
    password = context.secret_value(secret["key"])
    login = b64encode(f"{gateway.login_user}:{password}".encode()).decode("ascii")
    foundation, vault = context.outputs[FOUNDATION], secret.get("vault")
    created = keyvault.Secret(
        LOGIN_VALUE_ID,
        secret_name=context.add_deployment_suffix(LOGIN_VALUE_ID),
        vault_name=context.outputs[vault]["name"] if vault else foundation["vault"].name,
        resource_group_name=foundation["group"],
        properties={"value": pulumi.Output.secret(login)},
        tags=context.tags,
        opts=context.options(additional_secret_outputs=["properties"], ignore_changes=["secretName"]),
    )
    scope = context.outputs[vault]["id"] if vault else foundation["vault"].id
    right = assign_role("secrets", scope, parent.identity, context)
    address = pulumi.Output.unsecret(created.properties).apply(lambda it: it.secret_uri_with_version)
    named: pulumi.Resource = apimanagement.NamedValue(
        LOGIN_VALUE_ID,
        named_value_id=LOGIN_VALUE_ID,
        display_name=LOGIN_VALUE_ID,
        secret=True,
        key_vault={"secret_identifier": address},
        **parent.arguments,
        opts=context.options(depends_on=[right]),
    )
    return named


def _create_version_sets(
    gateway: ManagedGateway, parent: GatewayParent, context: ProgramContext
) -> Mapping[str, apimanagement.ApiVersionSet]:
    """Create what holds the versions of each path together, the API without a version among them."""
    sets = {}
    for path in dict.fromkeys(api.path for api in gateway.apis if api.version):
        name = path.strip("/") or "root"
        sets[path] = apimanagement.ApiVersionSet(
            name,
            version_set_id=f"{name.replace('/', '-')}-{sha256(path.encode()).hexdigest()[:6]}",
            display_name=name,
            versioning_scheme="Segment",
            **parent.arguments,
            opts=context.options(),
        )
    return sets


def _create_api(
    api: GatewayApi,
    versions: apimanagement.ApiVersionSet | None,
    parent: GatewayParent,
    needed: list[pulumi.Resource],
    context: ProgramContext,
) -> apimanagement.Api:
    """Create an API whose requests reach its backend with the path below that of the API."""
    created = apimanagement.Api(
        api.name,
        api_id=api.name,
        display_name=api.name,
        path=api.path.strip("/"),
        api_version=api.version or None,
        api_version_set_id=versions.id if versions else None,
        protocols=["https"],
        subscription_required=api.needs_key,
        subscription_key_parameter_names={"header": KEY_HEADER, "query": KEY_HEADER},
        **parent.arguments,
        opts=context.options(),
    )
    _create_gateway_operations(api, created, parent, context)
    backend = apimanagement.Backend(
        api.name,
        backend_id=api.name,
        protocol="http",
        url=context.outputs[api.service]["address"] if api.service else api.url,
        **parent.arguments,
        opts=context.options(),
    )
    apimanagement.ApiPolicy(
        api.name,
        api_id=created.name,
        policy_id=_POLICY_ID,
        format="xml",
        value=build_api_policy(api),
        **parent.arguments,
        opts=context.options(depends_on=[backend, *needed]),
    )
    return created


def _create_gateway_operations(
    api: GatewayApi, created: apimanagement.Api, parent: GatewayParent, context: ProgramContext
) -> None:
    parameters = {(it.method, it.path): it.query for it in api.operations}
    endpoints = [_as_endpoint(it) for it in api.operations]
    for endpoint, method in expand_methods(endpoints):
        template, names = make_url_template(endpoint.path)
        query = parameters[endpoint.method, endpoint.path]
        request = {"query_parameters": [{"name": name, "type": "string", "required": False} for name in query]}
        apimanagement.ApiOperation(
            f"{api.name} {replace(endpoint, method=method).shape}",  # a variable can then be renamed in place
            api_id=created.name,
            operation_id=make_operation_id(endpoint, method),
            display_name=f"{method} {endpoint.path}",
            method=method,
            url_template=template,
            template_parameters=[{"name": name, "type": "string", "required": True} for name in names],
            request=request if query else None,
            **parent.arguments,
            opts=context.options(delete_before_replace=True),
        )


def _as_endpoint(operation: GatewayOperation) -> ApiEndpoint:
    return ApiEndpoint(operation.method, operation.path)


def _create_product(
    product: GatewayProduct, apis: Mapping[str, apimanagement.Api], parent: GatewayParent, context: ProgramContext
) -> apimanagement.Product:
    created = apimanagement.Product(
        product.name,
        product_id=product.name,
        display_name=product.name,
        subscription_required=True,
        approval_required=True,  # who finds a portal of developers cannot take a key
        state="published",
        **parent.arguments,
        opts=context.options(),
    )
    for name in product.apis:
        apimanagement.ProductApi(
            f"{product.name}-{name}",
            product_id=created.name,
            api_id=apis[name].name,
            **parent.arguments,
            opts=context.options(),
        )
    apimanagement.ProductPolicy(
        product.name,
        product_id=created.name,
        policy_id=_POLICY_ID,
        format="xml",
        value=build_product_policy(product),
        **parent.arguments,
        opts=context.options(),
    )
    return created


def _create_telemetry(log_store: Ref, parent: GatewayParent, context: ProgramContext) -> None:
    """Send every request to the traces of the platform, which keep a share of them, with the gateway's own identity."""
    logs = context.outputs[log_store]
    logger = apimanagement.Logger(
        _LOGGER_ID,
        logger_id=_LOGGER_ID,
        logger_type="applicationInsights",
        resource_id=logs["insights"],
        credentials={"connectionString": logs["connection"], "identityClientId": "SystemAssigned"},
        **parent.arguments,
        opts=context.options(depends_on=[assign_role("telemetry", logs["insights"], parent.identity, context)]),
    )
    apimanagement.Diagnostic(
        _LOGGER_ID,
        diagnostic_id="applicationinsights",
        logger_id=logger.id,
        always_log="allErrors",
        http_correlation_protocol="W3C",
        log_client_ip=True,
        sampling={"sampling_type": "fixed", "percentage": 100},
        frontend={"request": {"data_masking": {"query_params": [{"value": KEY_HEADER, "mode": "Hide"}]}}},
        **parent.arguments,
        opts=context.options(),
    )
