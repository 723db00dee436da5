"""AWS resources of all sorts: chains of what uses what, and what each changes in place and by a replacement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from tests.differential.sites import Kind, Site

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


def _topic(site: Site) -> Any:
    fifo = site.piece.shape % 2 == 1
    return aws.sns.Topic(
        site.name,
        name=f"{site.physical}.fifo" if fifo and site.physical else site.physical,
        fifo_topic=fifo,
        display_name=site.label,
        tags={"label": f"v{site.piece.label}"},
        opts=site.options,
    )


def _subscription(site: Site) -> Any:
    return aws.sns.TopicSubscription(
        site.name,
        topic=site.used.arn,
        protocol="email",
        endpoint=f"s{site.piece.shape}@example.org",
        filter_policy=json.dumps({"label": [f"v{site.piece.label}"]}),
        opts=site.options,
    )


def _alarm(site: Site) -> Any:
    return aws.cloudwatch.MetricAlarm(
        site.name,
        name=site.physical,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        metric_name="Errors",
        namespace="AWS/Lambda",
        period=60,
        statistic="Sum",
        threshold=site.piece.shape,
        alarm_description=site.label,
        alarm_actions=[site.used.arn],
        opts=site.options,
    )


def _log_group(site: Site) -> Any:
    return aws.cloudwatch.LogGroup(
        site.name,
        name=site.physical,
        retention_in_days=_RETENTIONS[site.piece.label % 3],
        log_group_class=("STANDARD", "INFREQUENT_ACCESS")[site.piece.shape % 2],
        tags={"label": site.label},
        opts=site.options,
    )


def _role(site: Site) -> Any:
    return aws.iam.Role(
        site.name,
        name=site.physical,
        assume_role_policy=_TRUST,
        path=f"/s{site.piece.shape}/",
        description=site.label,
        opts=site.options,
    )


def _policy(site: Site) -> Any:
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": f"arn:aws:logs:*:*:v{site.piece.label}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.iam.RolePolicy(site.name, name=site.physical, role=site.used.id, policy=document, opts=site.options)


def _attachment(site: Site) -> Any:
    policy = f"arn:aws:iam::aws:policy/v{site.piece.label}-{site.piece.id}"
    return aws.iam.RolePolicyAttachment(site.name, role=site.used.name, policy_arn=policy, opts=site.options)


def _secret(site: Site) -> Any:
    return aws.secretsmanager.Secret(
        site.name,
        name=site.physical,
        description=site.label,
        recovery_window_in_days=0,
        opts=site.options,
    )


def _version(site: Site) -> Any:
    text = pulumi.Output.secret(f"canary-v{site.piece.label}")
    return aws.secretsmanager.SecretVersion(site.name, secret_id=site.used.id, secret_string=text, opts=site.options)


def _vpc(site: Site) -> Any:
    return aws.ec2.Vpc(
        site.name,
        cidr_block=f"10.{site.piece.shape}.0.0/16",
        enable_dns_hostnames=site.piece.label % 2 == 1,
        tags={"label": site.label},
        opts=site.options,
    )


def _subnet(site: Site) -> Any:
    return aws.ec2.Subnet(
        site.name,
        vpc_id=site.used.id,
        cidr_block=site.used.cidr_block.apply(lambda block: block.replace("0.0/16", f"{ord(site.piece.id)}.0/24")),
        tags={"label": site.label},
        opts=site.options,
    )


def _api(site: Site) -> Any:
    return aws.apigatewayv2.Api(
        site.name,
        name=site.physical,
        protocol_type=("HTTP", "WEBSOCKET")[site.piece.shape % 2],
        route_selection_expression=("$request.method $request.path", "$request.body.action")[site.piece.shape % 2],
        description=site.label,
        opts=site.options,
    )


def _integration(site: Site) -> Any:
    return aws.apigatewayv2.Integration(
        site.name,
        api_id=site.used.id,
        integration_type="HTTP_PROXY",
        integration_method="GET",
        integration_uri=f"https://example.org/v{site.piece.label}",
        opts=site.options,
    )


def _function(site: Site) -> Any:
    return aws.lambda_.Function(
        site.name,
        name=site.physical,
        role=site.used.arn,
        runtime="python3.13",
        handler="index.handler",
        code=pulumi.FileArchive(str(site.packages / f"v{site.piece.label}.zip")),
        source_code_hash=f"v{site.piece.label}",
        package_type="Zip",
        publish=site.piece.shape > 0,
        environment={"variables": {"LABEL": site.label}},
        opts=site.options,
    )


def _alias(site: Site) -> Any:
    return aws.lambda_.Alias(
        site.name,
        name=site.physical or f"live{site.piece.shape}",
        function_name=site.used.name,
        function_version=site.used.version,
        description=site.label,
        opts=site.options,
    )


def _permission(site: Site) -> Any:
    return aws.lambda_.Permission(
        site.name,
        action="lambda:InvokeFunction",
        function=site.used.name,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:aws:execute-api:us-east-1:123456789012:v{site.piece.label}/*",
        opts=site.options,
    )


def _route(site: Site) -> Any:
    return aws.apigatewayv2.Route(
        site.name,
        api_id=site.used.api_id,
        route_key=f"GET /v{site.piece.label}/{site.piece.id}",
        target=pulumi.Output.concat("integrations/", site.used.id),
        opts=site.options,
    )


def _stage(site: Site) -> Any:
    return aws.apigatewayv2.Stage(
        site.name,
        name=site.physical or f"s{site.piece.shape}-{site.piece.id}",
        api_id=site.used.id,
        auto_deploy=True,
        description=site.label,
        opts=site.options,
    )


def _authorizer(site: Site) -> Any:
    return aws.apigatewayv2.Authorizer(
        site.name,
        name=site.physical or f"authorizer-{site.piece.id}",
        api_id=site.used.id,
        authorizer_type="REQUEST",
        authorizer_uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/v{site.piece.shape}/invocations",
        identity_sources=[site.kept(f"route.request.querystring.v{site.piece.label}")],
        opts=site.options,
    )


def _table(site: Site) -> Any:
    key = f"k{site.piece.shape}"
    return aws.dynamodb.Table(
        site.name,
        name=site.physical,
        billing_mode="PAY_PER_REQUEST",
        hash_key=key,
        attributes=[{"name": key, "type": "S"}],
        ttl={"attribute_name": site.label, "enabled": True},
        tags={"label": f"v{site.piece.label}"},
        opts=site.options,
    )


def _answered(site: Site) -> Any:
    """A log group that is named by what the cloud answers to questions."""
    asking = site.asking
    account = aws.get_caller_identity(opts=asking).account_id
    zones = aws.get_availability_zones_output(
        state="available", opts=pulumi.InvokeOutputOptions(parent=asking.parent, provider=asking.provider)
    )
    tags = {"account": account, "zones": zones.apply(lambda found: "+".join(found.names)), "label": site.label}
    return aws.cloudwatch.LogGroup(site.name, name=site.physical, tags=tags, opts=site.options)


def _provider(site: Site) -> Any:
    return aws.Provider(site.name, region=_REGIONS[site.piece.shape], profile=f"v{site.piece.label}", opts=site.options)


def _look(site: Site) -> Any:
    """A resource that another piece keeps, read by its id."""
    return aws.sns.Topic.get(site.name, site.used.id, opts=site.options)


KINDS: Mapping[str, Kind] = {
    "topic": Kind(
        _topic,
        outputs=("displayName", "arn"),
        paths=("displayName", "tags", "tags.label", "fifoTopic"),
        token="aws:sns/topic:Topic",
        named=True,
    ),
    "subscription": Kind(_subscription, "topic", ("arn",), ("filterPolicy", "endpoint")),
    "alarm": Kind(_alarm, "topic", ("alarmDescription",), ("threshold", "alarmDescription", "alarmActions[0]")),
    "log_group": Kind(
        _log_group, "", ("arn",), ("retentionInDays", "tags.label", "tags[*]", "logGroupClass"), named=True
    ),
    "role": Kind(_role, "", ("arn", "uniqueId"), ("description", "path"), token="aws:iam/role:Role", named=True),
    "policy": Kind(_policy, "role", ("policy",), ("policy",), token="aws:iam/rolePolicy:RolePolicy"),
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
