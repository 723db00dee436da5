"""Gateways in front of services on REST APIs of API Gateway: one API with all paths, its stage, usage plans and keys.

HTTP APIs have no keys, quotas or cache. Services in a network are reached by a link: API Gateway joins no network, and
a link leads to a network load balancer, which leads to the load balancer of the services.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.managed_gateways import GatewayProduct, ManagedGateway
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.aws.platform.gateway_documents import (
    GATEWAY_STAGE,
    GatewayMethod,
    GatewayTargets,
    build_document,
    find_access_scheme,
    list_methods,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

AUTHORIZER_RUNTIME = "nodejs24.x"
AUTHORIZER_APIS_SETTING = "SEMANTEST_GATEWAY_APIS"
AUTHORIZER_USER_SETTING = "SEMANTEST_GATEWAY_USER"
AUTHORIZER_PASSWORD_SETTING = "SEMANTEST_GATEWAY_PASSWORD"  # noqa: S105 - the ARN of a secret is its value
_AUTHORIZER_MEMORY_MB, _AUTHORIZER_TIMEOUT_S, _AUTHORIZER_LOG_DAYS = 256, 10, 30
_AUTHORIZER_CODE = Path(__file__).parents[4] / "payloads" / "gateway_authorizer"
_CACHE_SIZE_GB = "0.5"


def create_managed_gateway(gateway: ManagedGateway, context: ProgramContext) -> Outputs:
    """Create the REST API with a stage, and what its APIs need: an authorizer, a link, usage plans and keys."""
    authorizer = _create_authorizer(gateway, context) if any(map(find_access_scheme, gateway.apis)) else None
    document = _describe_apis(gateway, authorizer, context)
    api = aws.apigateway.RestApi(
        gateway.name,
        name=aws_name("api", context, gateway.name),
        body=document,
        endpoint_configuration={"types": "REGIONAL"},
        tags=context.tags,
        opts=context.options(),
    )
    if authorizer:
        _allow_calls(gateway, api, authorizer, context)
    stage = _create_stage(gateway, api, document, context)
    _create_method_settings(gateway, api, stage, context)
    keys = _create_keys(gateway, api, stage, context)
    return {
        "id": api.id,
        "name": api.name,
        "arn": api.arn,
        "stage": stage.stage_name,
        "url": stage.invoke_url,
        **{f"key_id_{name}": key.id for name, key in keys.items()},
    }


def _describe_apis(
    gateway: ManagedGateway, authorizer: aws.lambda_.Function | None, context: ProgramContext
) -> pulumi.Output[str]:
    link = _create_link(gateway, context) if gateway.services else None
    hosts = {service: context.outputs[service]["host"] for service in gateway.services}

    def describe(known: Mapping[str, Any]) -> str:
        places = GatewayTargets(known["uri"], known["link"], known["hosts"])
        return json.dumps(build_document(gateway, str(context.stack), places), sort_keys=True)

    return pulumi.Output.all(
        uri=authorizer.invoke_arn if authorizer else "", link=link.id if link else "", hosts=hosts
    ).apply(describe)


def _create_stage(
    gateway: ManagedGateway, api: aws.apigateway.RestApi, document: pulumi.Output[str], context: ProgramContext
) -> aws.apigateway.Stage:
    """Publish the document: another one is published anew, as nothing of an API is live without that."""
    deployment = aws.apigateway.Deployment(
        gateway.name,
        rest_api=api.id,
        triggers={"document": document.apply(lambda text: sha256(text.encode()).hexdigest())},
        opts=context.options(),
    )
    has_cache = any(each.cache for each in gateway.apis)
    return aws.apigateway.Stage(
        gateway.name,
        rest_api=api.id,
        deployment=deployment.id,
        stage_name=GATEWAY_STAGE,
        cache_cluster_enabled=True if has_cache else None,
        cache_cluster_size=_CACHE_SIZE_GB if has_cache else None,
        xray_tracing_enabled=gateway.tracing,
        tags=context.tags,
        opts=context.options(),
    )


def _create_method_settings(
    gateway: ManagedGateway, api: aws.apigateway.RestApi, stage: aws.apigateway.Stage, context: ProgramContext
) -> None:
    """Create the limits and the cache of methods, one after the other: all of them are written into the stage."""
    before: list[pulumi.Resource] = []
    for each in list_methods(gateway):
        if settings := _build_settings(each):
            created = aws.apigateway.MethodSettings(
                f"{gateway.name} {each.method} {each.path}",
                rest_api=api.id,
                stage_name=stage.stage_name,
                method_path=each.settings_path,
                settings=settings,
                opts=context.options(depends_on=before),
            )
            before = [created]


def _build_settings(each: GatewayMethod) -> dict[str, Any]:
    rate, cache = each.api.rate, each.api.cache if each.method == "GET" else None
    limits = {"throttling_rate_limit": rate.calls / rate.seconds, "throttling_burst_limit": rate.calls} if rate else {}
    kept = {
        "caching_enabled": True,
        "cache_ttl_in_seconds": cache.seconds if cache else 0,
        "cache_data_encrypted": True,
        "require_authorization_for_cache_control": True,  # else any client could have answers made anew
        "unauthorized_cache_control_header_strategy": "SUCCEED_WITHOUT_RESPONSE_HEADER",
    }
    return {**limits, **(kept if cache else {})}


def _create_keys(
    gateway: ManagedGateway, api: aws.apigateway.RestApi, stage: aws.apigateway.Stage, context: ProgramContext
) -> dict[str, aws.apigateway.ApiKey]:
    """Create a usage plan for each product and a key for each subscription, whose value API Gateway makes."""
    plans = {
        product.name: aws.apigateway.UsagePlan(
            f"{gateway.name} {product.name}",
            name=aws_name("api", context, product.name),
            api_stages=[
                {
                    "api_id": api.id,
                    "stage": stage.stage_name,
                    "throttles": _close_others(gateway, product) or None,
                }
            ],
            throttle_settings=(
                {"rate_limit": product.rate.calls / product.rate.seconds, "burst_limit": product.rate.calls}
                if product.rate
                else None
            ),
            quota_settings=(
                {"limit": product.quota.calls, "period": product.quota.period.upper()} if product.quota else None
            ),
            tags=context.tags,
            opts=context.options(),
        )
        for product in gateway.products
    }
    keys = {}
    for subscription in gateway.subscriptions:
        name = f"{gateway.name} {subscription.name}"
        key = keys[subscription.name] = aws.apigateway.ApiKey(
            name, name=aws_name("api", context, subscription.name), tags=context.tags, opts=context.options()
        )
        aws.apigateway.UsagePlanKey(
            name,
            key_id=key.id,
            key_type="API_KEY",
            usage_plan_id=plans[subscription.product].id,
            # A key is in one plan of a stage, so it leaves its product before it gets another.
            opts=context.options(additional_secret_outputs=["value"], delete_before_replace=True),
        )
    return keys


def _close_others(gateway: ManagedGateway, product: GatewayProduct) -> list[dict[str, Any]]:
    """Return the methods of which a key may call none in any second: a plan opens all methods of its stage.

    A limit of 0 turns a method off for the keys of a plan. Source: aws/aws-cdk issue 10071.
    """
    return [
        {"path": f"{each.path}/{each.method}", "rate_limit": 0, "burst_limit": 0}
        for each in list_methods(gateway)
        if each.api.needs_key and each.api.name not in product.apis
    ]


def _create_authorizer(gateway: ManagedGateway, context: ProgramContext) -> aws.lambda_.Function:
    """Create the function that checks logins and tokens, with the right to read the password and nothing else."""
    purpose = f"{gateway.name}-authorizer"
    name = aws_name("function", context, purpose)
    logs = aws.cloudwatch.LogGroup(
        purpose,
        name=f"/aws/lambda/{name}",
        retention_in_days=_AUTHORIZER_LOG_DAYS,
        tags=context.tags,
        opts=context.options(),
    )
    role = create_role(purpose, purpose, "lambda.amazonaws.com", context)
    policy = attach_policy(purpose, role.name, _list_statements(gateway, logs, context), context, "authorizer")
    return aws.lambda_.Function(
        purpose,
        name=name,
        role=role.arn,
        runtime=AUTHORIZER_RUNTIME,
        handler="index.handler",
        code=pulumi.FileArchive(str(_AUTHORIZER_CODE)),
        architectures=["x86_64"],
        memory_size=_AUTHORIZER_MEMORY_MB,
        timeout=_AUTHORIZER_TIMEOUT_S,
        environment={"variables": _list_variables(gateway, context)},
        logging_config={"log_format": "JSON", "application_log_level": "INFO", "log_group": logs.name},
        tracing_config={"mode": "Active" if gateway.tracing else "PassThrough"},
        tags=context.tags,
        opts=context.options(depends_on=[policy, *_find_secret(gateway, context)]),
    )


def _find_secret(gateway: ManagedGateway, context: ProgramContext) -> Sequence[pulumi.Resource]:
    return [context.outputs[gateway.login_secret]["resource"]] if gateway.login_secret else []


def _list_statements(
    gateway: ManagedGateway, logs: aws.cloudwatch.LogGroup, context: ProgramContext
) -> list[dict[str, Any]]:
    secret = context.outputs[gateway.login_secret] if gateway.login_secret else {}
    streams = pulumi.Output.concat(logs.arn, ":*")
    statements = [allow_actions(["logs:CreateLogStream", "logs:PutLogEvents"], [streams])]
    if secret:
        statements.append(allow_actions(["secretsmanager:GetSecretValue"], [secret["arn"]]))
    if vault := secret.get("vault"):
        statements.append(allow_actions(["kms:Decrypt"], [context.outputs[vault]["arn"]]))
    if gateway.tracing:  # X-Ray limits these to no resource
        statements.append(allow_actions(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"]))
    return statements


def _list_variables(gateway: ManagedGateway, context: ProgramContext) -> dict[str, Any]:
    apis = [
        {
            "path": api.whole_path,
            "login": api.needs_login,
            **(
                {
                    "jwt": {
                        "issuer": api.authorizer.issuer,
                        "audience": list(api.authorizer.audience),
                        "header": api.authorizer.header,
                    }
                }
                if api.authorizer
                else {}
            ),
        }
        for api in gateway.apis
        if find_access_scheme(api)
    ]
    variables: dict[str, Any] = {AUTHORIZER_APIS_SETTING: json.dumps(apis, sort_keys=True)}
    if gateway.login_secret:
        variables |= {
            AUTHORIZER_USER_SETTING: gateway.login_user,
            AUTHORIZER_PASSWORD_SETTING: context.outputs[gateway.login_secret]["arn"],
        }
    return variables


def _allow_calls(
    gateway: ManagedGateway, api: aws.apigateway.RestApi, authorizer: aws.lambda_.Function, context: ProgramContext
) -> None:
    aws.lambda_.Permission(
        f"{gateway.name}-authorizer",
        action="lambda:InvokeFunction",
        function=authorizer.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/authorizers/*"),
        statement_id="gateway",
        opts=context.options(),
    )


_HTTP_PORT = 80


def _create_link(gateway: ManagedGateway, context: ProgramContext) -> aws.apigateway.VpcLink:
    """Create the way into the network: the host of a request tells the load balancer behind it which service it is."""
    balancer, network, subnet = (
        context.outputs[_require(ref, gateway)] for ref in (gateway.load_balancer, gateway.network, gateway.subnet)
    )
    purpose = f"{gateway.name}-link"
    front = aws.lb.LoadBalancer(
        purpose,
        name=aws_name("load balancer", context, purpose),
        load_balancer_type="network",
        internal=True,
        subnets=subnet["subnet_ids"],
        security_groups=subnet["security_group_ids"],
        enforce_security_group_inbound_rules_on_private_link_traffic="off",  # nothing but the link reaches it
        tags=context.tags,
        opts=context.options(),
    )
    target = aws.lb.TargetGroup(
        purpose,
        name=aws_name("load balancer", context, purpose),
        target_type="alb",
        protocol="TCP",
        port=balancer["port"],
        vpc_id=network["id"],
        health_check={"protocol": "HTTP", "path": "/", "matcher": "200-499"},  # it knows no service without a name
        tags=context.tags,
        opts=context.options(),
    )
    attachment = aws.lb.TargetGroupAttachment(
        purpose,
        target_group_arn=target.arn,
        target_id=balancer["arn"],
        port=balancer["port"],
        opts=context.options(depends_on=[balancer["resource"]]),
    )
    listener = aws.lb.Listener(
        purpose,
        load_balancer_arn=front.arn,
        protocol="TCP",
        port=_HTTP_PORT,
        default_actions=[{"type": "forward", "target_group_arn": target.arn}],
        tags=context.tags,
        opts=context.options(),
    )
    return aws.apigateway.VpcLink(
        purpose,
        name=aws_name("api", context, purpose),
        target_arn=front.arn,
        tags=context.tags,
        opts=context.options(depends_on=[attachment, listener]),
    )


def _require(ref: Ref | None, gateway: ManagedGateway) -> Ref:
    if ref is None:
        raise ValueError(f"'{gateway.name}' has services, but no load balancer, network and subnet to reach them.")
    return ref
