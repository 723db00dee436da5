"""AWS resources of many types: chains of dependent resources, each with an in-place update and a replacement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.infrastructure.simulated_cloud.aws.security import managed_policy_arn_suffixes
from tests.differential.kinds import Kind, ResourceContext

MODULES = ("apigatewayv2", "cloudwatch", "dynamodb", "ec2", "iam", "lambda_", "secretsmanager", "sns")
_REGIONS = ("us-east-1", "us-east-1", "eu-west-1")
_RETENTIONS = (1, 3, 5)
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def _topic(context: ResourceContext) -> Any:
    fifo = context.spec.shape % 2 == 1
    return aws.sns.Topic(
        context.name,
        name=f"{context.physical}.fifo" if fifo and context.physical else context.physical,
        fifo_topic=fifo,
        display_name=context.label,
        tags={"label": f"v{context.spec.label}"},
        opts=context.options,
    )


def _subscription(context: ResourceContext) -> Any:
    return aws.sns.TopicSubscription(
        context.name,
        topic=context.used.arn,
        protocol="email",
        endpoint=f"s{context.spec.shape}-{context.spec.id}@example.org",
        filter_policy=json.dumps({"label": [f"v{context.spec.label}"]}),
        opts=context.options,
    )


def _alarm(context: ResourceContext) -> Any:
    return aws.cloudwatch.MetricAlarm(
        context.name,
        name=context.physical,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        metric_name="Errors",
        namespace="AWS/Lambda",
        period=60,
        statistic="Sum",
        threshold=context.spec.shape,
        alarm_description=context.label,
        alarm_actions=[context.used.arn],
        opts=context.options,
    )


def _log_group(context: ResourceContext) -> Any:
    return aws.cloudwatch.LogGroup(
        context.name,
        name=context.physical,
        retention_in_days=_RETENTIONS[context.spec.label % 3],
        log_group_class=("STANDARD", "INFREQUENT_ACCESS")[context.spec.shape % 2],
        tags={"label": context.label},
        opts=context.options,
    )


def _role(context: ResourceContext) -> Any:
    return aws.iam.Role(
        context.name,
        name=context.physical,
        assume_role_policy=_TRUST,
        path=f"/s{context.spec.shape}/",
        description=context.label,
        opts=context.options,
    )


def _policy(context: ResourceContext) -> Any:
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": f"arn:aws:logs:*:*:v{context.spec.label}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.iam.RolePolicy(
        context.name, name=context.physical, role=context.used.id, policy=document, opts=context.options
    )


def _attachment(context: ResourceContext) -> Any:
    names = sorted(managed_policy_arn_suffixes())
    place = int.from_bytes(sha256(f"{context.spec.label} {context.spec.id}".encode()).digest()[:4]) % len(names)
    policy = f"arn:aws:iam::aws:policy/{names[place]}"
    return aws.iam.RolePolicyAttachment(context.name, role=context.used.name, policy_arn=policy, opts=context.options)


def _secret(context: ResourceContext) -> Any:
    return aws.secretsmanager.Secret(
        context.name,
        name=context.physical,
        description=context.label,
        recovery_window_in_days=0,
        opts=context.options,
    )


def _version(context: ResourceContext) -> Any:
    text = pulumi.Output.secret(f"canary-v{context.spec.label}")
    return aws.secretsmanager.SecretVersion(
        context.name, secret_id=context.used.id, secret_string=text, opts=context.options
    )


def _vpc(context: ResourceContext) -> Any:
    return aws.ec2.Vpc(
        context.name,
        cidr_block=f"10.{context.spec.shape}.0.0/16",
        enable_dns_hostnames=context.spec.label % 2 == 1,
        tags={"label": context.label},
        opts=context.options,
    )


def _subnet(context: ResourceContext) -> Any:
    return aws.ec2.Subnet(
        context.name,
        vpc_id=context.used.id,
        cidr_block=context.used.cidr_block.apply(lambda block: block.replace("0.0/16", f"{ord(context.spec.id)}.0/24")),
        tags={"label": context.label},
        opts=context.options,
    )


def _api(context: ResourceContext) -> Any:
    return aws.apigatewayv2.Api(
        context.name,
        name=context.physical,
        protocol_type=("HTTP", "WEBSOCKET")[context.spec.shape % 2],
        route_selection_expression=("$request.method $request.path", "$request.body.action")[context.spec.shape % 2],
        description=context.label,
        opts=context.options,
    )


def _integration(context: ResourceContext) -> Any:
    return aws.apigatewayv2.Integration(
        context.name,
        api_id=context.used.id,
        integration_type="HTTP_PROXY",
        integration_method="GET",
        integration_uri=f"https://example.org/v{context.spec.label}",
        opts=context.options,
    )


def _function(context: ResourceContext) -> Any:
    return aws.lambda_.Function(
        context.name,
        name=context.physical,
        role=context.used.arn,
        runtime="python3.13",
        handler="index.handler",
        code=pulumi.FileArchive(str(context.packages / f"v{context.spec.label}.zip")),
        source_code_hash=f"v{context.spec.label}",
        package_type="Zip",
        publish=context.spec.shape > 0,
        environment={"variables": {"LABEL": context.label}},
        opts=context.options,
    )


def _alias(context: ResourceContext) -> Any:
    return aws.lambda_.Alias(
        context.name,
        name=context.physical or f"live{context.spec.shape}",
        function_name=context.used.name,
        function_version=context.used.version,
        description=context.label,
        opts=context.options,
    )


def _permission(context: ResourceContext) -> Any:
    return aws.lambda_.Permission(
        context.name,
        action="lambda:InvokeFunction",
        function=context.used.name,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:aws:execute-api:us-east-1:123456789012:v{context.spec.label}/*",
        opts=context.options,
    )


def _route(context: ResourceContext) -> Any:
    return aws.apigatewayv2.Route(
        context.name,
        api_id=context.used.api_id,
        route_key=f"GET /v{context.spec.label}/{context.spec.id}",
        target=pulumi.Output.concat("integrations/", context.used.id),
        opts=context.options,
    )


def _stage(context: ResourceContext) -> Any:
    return aws.apigatewayv2.Stage(
        context.name,
        name=context.physical or f"s{context.spec.shape}-{context.spec.id}",
        api_id=context.used.id,
        auto_deploy=True,
        description=context.label,
        opts=context.options,
    )


def _authorizer(context: ResourceContext) -> Any:
    return aws.apigatewayv2.Authorizer(
        context.name,
        name=context.physical or f"authorizer-{context.spec.id}",
        api_id=context.used.id,
        authorizer_type="REQUEST",
        authorizer_uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/v{context.spec.shape}/invocations",
        identity_sources=[context.as_text(f"route.request.querystring.v{context.spec.label}")],
        opts=context.options,
    )


def _table(context: ResourceContext) -> Any:
    key = f"k{context.spec.shape}"
    return aws.dynamodb.Table(
        context.name,
        name=context.physical,
        billing_mode="PAY_PER_REQUEST",
        hash_key=key,
        attributes=[{"name": key, "type": "S"}],
        ttl={"attribute_name": context.label, "enabled": True},
        tags={"label": f"v{context.spec.label}"},
        opts=context.options,
    )


def _answered(context: ResourceContext) -> Any:
    """A log group whose tags are answers of data sources."""
    invoke = context.invoke_options
    account = aws.get_caller_identity(opts=invoke).account_id
    zones = aws.get_availability_zones_output(
        state="available",
        opts=pulumi.InvokeOutputOptions(parent=invoke.parent, provider=invoke.provider),
    )
    tags = {"account": account, "zones": zones.apply(lambda found: "+".join(found.names)), "label": context.label}
    return aws.cloudwatch.LogGroup(context.name, name=context.physical, tags=tags, opts=context.options)


def _provider(context: ResourceContext) -> Any:
    return aws.Provider(
        context.name, region=_REGIONS[context.spec.shape], profile=f"v{context.spec.label}", opts=context.options
    )


def _look(context: ResourceContext) -> Any:
    """A resource of another spec, read by its id."""
    return aws.sns.Topic.get(context.name, context.used.id, opts=context.options)


KINDS: Mapping[str, Kind] = {
    "topic": Kind(
        _topic,
        outputs=("displayName", "arn"),
        paths=("displayName", "tags", "tags.label", "fifoTopic"),
        urn_type="aws:sns/topic:Topic",
        named=True,
    ),
    "subscription": Kind(_subscription, "topic", ("arn",), ("filterPolicy", "endpoint")),
    "alarm": Kind(_alarm, "topic", ("alarmDescription",), ("threshold", "alarmDescription", "alarmActions[0]")),
    "log_group": Kind(
        _log_group, "", ("arn",), ("retentionInDays", "tags.label", "tags[*]", "logGroupClass"), named=True
    ),
    "role": Kind(_role, "", ("arn", "uniqueId"), ("description", "path"), urn_type="aws:iam/role:Role", named=True),
    "policy": Kind(_policy, "role", ("policy",), ("policy",), urn_type="aws:iam/rolePolicy:RolePolicy"),
    "attachment": Kind(_attachment, "role", ("policyArn",), ("policyArn", "role")),
    "secret": Kind(_secret, "", ("arn",), ("description",), named=True),
    "version": Kind(_version, "secret", ("arn",), ("secretString",)),
    "vpc": Kind(_vpc, "", ("cidrBlock",), ("tags", "enableDnsHostnames", "cidrBlock")),
    "subnet": Kind(_subnet, "vpc", ("arn",), ("tags",)),
    "api": Kind(_api, "", ("apiEndpoint",), ("description", "*")),
    "integration": Kind(_integration, "api", ("integrationUri",), ("integrationUri",)),
    "route": Kind(_route, "integration", ("routeKey",), ("routeKey", "target")),
    "stage": Kind(_stage, "api", ("invokeUrl",), ("description",)),
    "authorizer": Kind(_authorizer, "api", ("authorizerUri",), ("identitySources", "authorizerUri")),
    "table": Kind(_table, "", ("arn",), ("tags.label", "ttl", "ttl.attributeName", "hashKey"), named=True),
    "function": Kind(_function, "role", ("qualifiedArn",), ("environment.variables.LABEL", "publish", "code")),
    "alias": Kind(_alias, "function", ("invokeArn",), ("functionVersion", "description")),
    "permission": Kind(_permission, "function", (), ("sourceArn",)),
    "answered": Kind(_answered, "", ("tagsAll",), ("tags", "tags.zones")),
    "look": Kind(_look, "topic"),
    "provider": Kind(_provider, local=True),
}
