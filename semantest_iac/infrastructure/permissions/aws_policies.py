"""The IAM policy that a deployment to AWS needs, limited to the names of its stack, and what its functions may do.

Which actions a type needs, and to which ARNs each can be limited, is in `aws_permissions.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.ports.permission_rules import PermissionRules
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.permissions import (
    EVERYTHING,
    GrantedPermissions,
    Permission,
    PermissionPattern,
    RunGrant,
    StackPermissions,
    read_names,
)

_ROLE_POLICY_TYPE = "aws:iam/rolePolicy:RolePolicy"
_SECRET_TYPE = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type name
_ATTACHMENT_TYPE = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

_ACTIONS_OF_OTHER_SERVICES: Mapping[str, tuple[str, ...]] = {
    "aws:apigateway/account:Account": ("iam:GetRole", "iam:PassRole"),
    "aws:apigateway/vpcLink:VpcLink": (
        *("ec2:CreateVpcEndpointServiceConfiguration", "ec2:DeleteVpcEndpointServiceConfigurations"),
        *("ec2:DescribeVpcEndpointServiceConfigurations", "ec2:ModifyVpcEndpointServicePermissions"),
    ),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": ("iam:CreateServiceLinkedRole",),
    # source: the guides of ECS, Elastic Load Balancing and Application Auto Scaling on roles linked to services
    **dict.fromkeys(
        ("aws:appautoscaling/target:Target", "aws:ecs/cluster:Cluster", "aws:ecs/service:Service"),
        ("iam:CreateServiceLinkedRole",),
    ),
    "aws:ecs/taskDefinition:TaskDefinition": ("iam:PassRole",),
    "aws:lb/loadBalancer:LoadBalancer": ("iam:CreateServiceLinkedRole",),
    # source: Cloud Map's guide, the permissions that its API needs of Route 53
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (
        *("ec2:DescribeRegions", "ec2:DescribeVpcs", "route53:CreateHostedZone", "route53:GetHostedZone"),
        "route53:ListHostedZonesByName",
    ),
    "aws:lambda/function:Function": ("iam:PassRole",),
    "aws:scheduler/schedule:Schedule": ("iam:PassRole",),
    "aws:sfn/stateMachine:StateMachine": ("iam:PassRole",),
    "aws:networkfirewall/firewall:Firewall": (
        *("ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints"),
        *("ec2:DescribeVpcs", "iam:CreateServiceLinkedRole"),
    ),
}
_HELPING_SERVICES = ("iam", "kms")
_NETWORK_ACTIONS = ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
"""What a function in a network needs besides, as the schema of AWS::Lambda::Function says."""

_LOG_DELIVERY_ACTIONS = (  # source: API Gateway's guide, logging for HTTP APIs (permissions to turn it on)
    *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"),
    *("logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
)
_PROVIDER_ACTIONS: Mapping[str, tuple[str, ...]] = {
    # what Pulumi's provider calls besides, as Terraform's does, on which it is built
    "aws:dynamodb/table:Table": ("dynamodb:ListTagsOfResource",),
    "aws:ecr/repository:Repository": ("ecr:BatchDeleteImage", "ecr:ListImages", "ecr:ListTagsForResource"),
    "aws:iam/role:Role": ("iam:ListInstanceProfilesForRole",),
    "aws:lb/loadBalancer:LoadBalancer": (
        *("ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways", "ec2:DescribeSecurityGroups"),
        *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ),
    "aws:servicediscovery/instance:Instance": ("route53:ChangeResourceRecordSets",),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": ("route53:DeleteHostedZone",),
    "aws:lambda/function:Function": ("lambda:ListVersionsByFunction",),
    "aws:s3/bucket:Bucket": (
        *("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"),  # a delete empties it
        "s3:GetBucketRequestPayment",
    ),
    "aws:secretsmanager/secret:Secret": ("secretsmanager:GetResourcePolicy",),
    "aws:ec2/vpc:Vpc": ("ec2:DescribeAvailabilityZones",),
    "aws:sqs/queuePolicy:QueuePolicy": ("sqs:GetQueueAttributes",),
}
_ENCRYPTING_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What writing a secret with a key of its own needs besides (Secrets Manager's guide on encryption)."""

_CALLER_ACTIONS = ("sts:GetCallerIdentity",)

_REPOSITORY_TYPE = "aws:ecr/repository:Repository"
_PUSH_ACTIONS = (  # source: ECR's guide, IAM permissions for pushing an image
    *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetAuthorizationToken"),
    *("ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"),
)

_UNUSED_FEATURES = (
    # of logs: keys, data protection, indexes, deliveries of the group itself
    *("logs:*KmsKey", "logs:*DataProtectionPolicy", "logs:*IndexPol*", "logs:*LogDelivery", "logs:*ResourcePolic*"),
    *("logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection"),
    # of functions: signed code, capacity providers, recursion, pinned runtimes
    *("lambda:*CodeSigningConfig", "lambda:PutFunction*Config", "lambda:PutRuntimeManagementConfig"),
    *("lambda:GetFunctionScalingConfig", "lambda:GetFunctionRecursionConfig", "codedeploy:*"),
    *("lambda:AssociateRuntimeAlias", "lambda:PassCapacityProvider", "lambda:GetLayerVersion"),
    # of tables: rows (for imports and replicas), replicas, streams, policies
    *("dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan", "dynamodb:*Replica", "dynamodb:*Kinesis*"),
    *("dynamodb:*Import*", "dynamodb:*ResourcePolicy", "dynamodb:UpdateContributorInsights"),
    # of buckets: what has a type of its own, or none
    *("s3:*Abac", "s3:*Analytics*", "s3:*IntelligentTiering*", "s3:*Inventory*", "s3:*Metadata*", "s3:*Metrics*"),
    *("s3:*Notification", "s3:*OwnershipControls", "s3:Put*ObjectLock*", "s3:Put*Replication*", "s3:PutObjectAcl"),
    *("s3:DeleteBucketWebsite", "s3:PutAccelerateConfiguration", "s3:PutBucketCORS", "s3:PutBucketLogging"),
    "s3:PutBucketWebsite",
    *("secretsmanager:GetRandomPassword", "secretsmanager:*Replicat*"),
    *("sns:*DataProtectionPolicy", "ec2:*VpcEncryptionControl*", "ec2:*CidrBlock", "ec2:*PrivateNatGatewayAddress"),
    *("ec2:AcceptAddressTransfer", "ec2:DescribeInstances", "ec2:ModifyVpcTenancy", "iam:*PermissionsBoundary"),
)
"""Actions of features that no program uses; reading them is needed where the provider does."""

_UNUSED_OF_TYPES = {"aws:iam/role:Role": ("iam:AttachRolePolicy", "iam:DetachRolePolicy")}  # a type of its own

_READ_ANYWAY = ("lambda:GetFunctionCodeSigningConfig",)

_NAMELESS_KINDS: Mapping[str, tuple[str, ...]] = {
    # ids are chosen by AWS: these are limited to a kind of resources, and not to those of the stack
    "acm": ("certificate/*",),
    "apigateway": ("/apis", "/apis/*", "/tags/*"),
    "ec2": (
        *("vpc/*", "subnet/*", "security-group/*", "security-group-rule/*", "route-table/*", "internet-gateway/*"),
        *("natgateway/*", "elastic-ip/*", "vpc-endpoint/*", "network-interface/*"),
    ),
    "kms": ("key/*", "alias/*"),
    "route53": ("hostedzone/*", "change/*"),
}
_KINDS_OF_TYPES = {
    "aws:apigateway/account:Account": ("/account",),
    **{
        f"aws:apigateway/{name[0].lower()}{name[1:]}:{name}": (f"/{kind}", f"/{kind}/*", "/tags/*")
        for kind, names in {
            "restapis": ("RestApi", "Deployment", "Stage", "MethodSettings"),
            "usageplans": ("UsagePlan", "UsagePlanKey"),
            "apikeys": ("ApiKey",),
            "vpclinks": ("VpcLink",),
        }.items()
        for name in names
    },
    **dict.fromkeys(
        ("aws:apigatewayv2/apiMapping:ApiMapping", "aws:apigatewayv2/domainName:DomainName"),
        ("/domainnames", "/domainnames/*", "/tags/*"),
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": ("cache-policy/*",),
    "aws:cloudfront/distribution:Distribution": ("distribution/*",),
    "aws:cloudfront/originAccessControl:OriginAccessControl": ("origin-access-control/*",),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": ("response-headers-policy/*",),
}
_PARTS_BELOW = {"lambda": ":*", "logs": ":*", "s3": "/*", "sns": ":*"}
"""What an action on a part needs besides: versions, aliases, streams, objects and subscriptions."""

_UNKNOWN_SUFFIX = {"secretsmanager": 7}  # a hyphen and six characters, which AWS adds to the name
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}

_FEATURES: Sequence[tuple[str, str, str]] = (
    # pattern of actions, the feature that uses them, the name of the check in `_find_used`
    ("logs:*", "the function's log", "always"),
    ("xray:*", "features.tracing", "tracing"),
    ("secretsmanager:*", "secrets of the environment", "secrets"),
    ("kms:*", "secrets of the environment", "secrets"),
    ("ec2:*", "network", "network"),
    ("dynamodb:*", "connections of the WebSocket API", "websocket"),
    ("execute-api:*", "messages to clients of the WebSocket API", "websocket"),
    ("states:*", "runs of the data pipeline", "platform"),
    ("s3:*", "objects of the platform", "platform"),
    ("sqs:SendMessage", "messages to what functions send to", "messages"),
    ("sns:Publish", "messages to what functions send to", "messages"),
    ("sqs:*", "messages that call functions", "messages"),
    ("lambda:InvokeFunction", "ticks of a schedule", "schedules"),
    ("lambda:InvokeFunction", "calls of other functions", "calls"),
)


_CANARY_PERMISSION = Permission(("cloudwatch:GetMetricData",), (EVERYTHING,))
"""What is read of a new version beside the alarms; it can be limited to no resource."""


def describe_policies(
    stack: Stack, settings: ComponentSettings, resources: Sequence[DeployedResource]
) -> StackPermissions:
    """Return what deploying these resources needs, and what their roles allow."""
    canary = [_CANARY_PERMISSION] if settings.canary else []
    pushed_to = _REPOSITORY_TYPE if settings.built_services else ""
    needed = list(_merge([*_list_needed(stack, resources, pushed_to), *canary]))
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(it.actions), "Resource": list(it.resources)} for it in needed],
    }
    unscoped = tuple(action for it in needed if EVERYTHING in it.resources for action in it.actions)
    grants = tuple(_list_grants(settings, resources, stack.region))
    return StackPermissions(str(stack), tuple(needed), document, grants, unscoped)


def list_actions(resource_type: str) -> tuple[str, ...]:
    """Return the actions that creating, reading, updating and deleting such a resource needs.

    Raises RefusedError for a type whose actions are not known.
    """
    handlers = _read_data()["types"].get(resource_type)
    if handlers is None:
        message = f"Cannot say what '{resource_type}' needs: its actions are not known."
        raise RefusedError(message, "PERMISSIONS_UNKNOWN", hint="Add it to tools/generate_aws_permissions.py.")
    found = {action for actions in handlers.values() for action in actions}
    own, others = _find_service(handlers), _ACTIONS_OF_OTHER_SERVICES.get(resource_type, ())
    unused = _UNUSED_OF_TYPES.get(resource_type, ())
    kept = (
        it
        for it in found
        if it in others or (it.startswith(f"{own}:") and it not in unused and not _is_of_unused_feature(it))
    )
    return tuple(sorted({*kept, *_PROVIDER_ACTIONS.get(resource_type, ())} & {*_read_data()["arns"]}))


def list_arns(action: str) -> tuple[str, ...]:
    """Return the ARNs to which an action can be limited; none, if to no resource."""
    return tuple(_read_data()["arns"].get(action, ()))


def read_granted_policies(document: Any) -> GrantedPermissions:
    """Read an IAM policy document, or a list of them; raises RefusedError for anything else."""
    found: dict[str, list[PermissionPattern]] = {"Allow": [], "Deny": []}
    for one in document if isinstance(document, list) else [document]:
        statements = one.get("Statement") if isinstance(one, Mapping) else None
        for statement in statements if isinstance(statements, list) else [statements]:
            if not isinstance(statement, Mapping) or statement.get("Effect") not in found:
                raise _unreadable_policy("it has no Statement with the Effect Allow or Deny")
            found[statement["Effect"]].append(_read_statement(statement))
    return GrantedPermissions(tuple(found["Allow"]), tuple(found["Deny"]))


def _read_statement(statement: Mapping[str, Any]) -> PermissionPattern:
    parts = {key: read_names(statement.get(key)) for key in ("Action", "NotAction", "Resource", "NotResource")}
    if None in parts.values():
        raise _unreadable_policy("actions and resources must be texts, or lists of texts")
    for key in ("Action", "Resource"):
        if bool(parts[key]) is bool(parts[f"Not{key}"]):
            raise _unreadable_policy(f"a statement has either {key} or Not{key}")
    actions, not_actions, resources, not_resources = (found or () for found in parts.values())
    return PermissionPattern(actions or (EVERYTHING,), resources or (EVERYTHING,), not_actions, not_resources)


def _unreadable_policy(why: str) -> RefusedError:
    hint = 'An IAM policy is {"Version": …, "Statement": […]}.'
    return RefusedError(f"Cannot read the policy: {why}.", "POLICY_UNREADABLE", hint=hint)


@cache
def _read_data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(Path(__file__).with_name("aws_permissions.json").read_text(encoding="utf-8"))
    return data


def _find_service(handlers: Mapping[str, Sequence[str]]) -> str:
    """Return the service to which most actions of a type belong, those on its keys and roles left out."""
    services = Counter(action.partition(":")[0] for actions in handlers.values() for action in actions)
    return max(services, key=lambda service: (service not in _HELPING_SERVICES, services[service]))


def _is_of_unused_feature(action: str) -> bool:
    return action not in _READ_ANYWAY and any(fnmatchcase(action, pattern) for pattern in _UNUSED_FEATURES)


def _list_needed(stack: Stack, resources: Sequence[DeployedResource], pushed_to: str) -> Iterator[Permission]:
    found = [arn for it in resources for arn in _list_predictable_arns(it)]
    arns = [arn for arn in found if not any(arn != it and fnmatchcase(arn, it) for it in found)]
    yield Permission(_CALLER_ACTIONS, (EVERYTHING,))
    for resource in resources:
        pushing = _PUSH_ACTIONS if resource.type == pushed_to else ()
        region = str(resource.outputs.get("region") or stack.region)  # what CloudFront uses lies in one of its own
        for action in (*list_actions(resource.type), *_list_conditional_actions(resource), *pushing):
            if scope := _find_scope(action, arns, resource, region):
                yield Permission((action,), scope)


def _list_conditional_actions(resource: DeployedResource) -> tuple[str, ...]:
    if resource.inputs.get("accessLogSettings"):
        return _LOG_DELIVERY_ACTIONS
    if resource.type == _SECRET_TYPE and resource.inputs.get("kmsKeyId"):
        return _ENCRYPTING_ACTIONS
    return _NETWORK_ACTIONS if resource.inputs.get("vpcConfig") else ()


def _list_predictable_arns(resource: DeployedResource) -> Iterator[str]:
    """Yield the ARNs of a resource that are known before it is created: those that are made of its name."""
    arn, name = (_find_output(resource, names) for names in (_ARN_OUTPUTS, _NAME_OUTPUTS))
    if not isinstance(arn, str) or not name or str(name) not in arn:
        return
    service = arn.split(":")[2]
    if service in _NAMELESS_KINDS:
        return
    if cut := _UNKNOWN_SUFFIX.get(service):
        yield f"{arn[:-cut]}-*"
        return
    if f"/{name}/" in arn:  # an id, which AWS chooses, is behind the name
        yield f"{arn.rpartition('/')[0]}/*"
        return
    yield arn
    if below := _PARTS_BELOW.get(service):
        yield f"{arn}{below}"


_ARN_OUTPUTS, _NAME_OUTPUTS = ("arn", "dashboardArn"), ("name", "bucket", "dashboardName", "groupName", "ruleName")


def _find_output(resource: DeployedResource, names: Iterable[str]) -> Any:
    return next((resource.outputs[name] for name in names if resource.outputs.get(name)), None)


def _find_scope(action: str, arns: Iterable[str], resource: DeployedResource, region: str) -> tuple[str, ...]:
    """Return the ARNs that an action is limited to; none for one on kinds of resources that the stack does not have."""
    patterns = list_arns(action)
    if not patterns:
        return (EVERYTHING,)
    service = action.partition(":")[0]
    kinds = _KINDS_OF_TYPES.get(resource.type, _NAMELESS_KINDS.get(service, ()))
    found = dict[str, None]()
    for pattern in patterns:
        here = pattern.replace("${Region}", region).replace("${Account}", EVERYTHING)
        own = [arn for arn in arns if fnmatchcase(arn, here.replace("${Partition}", EVERYTHING))]
        is_kind = any(pattern.endswith((f":{kind}", f":{kind.lstrip('/')}")) for kind in kinds)
        found |= dict.fromkeys(own or ([here.replace("${Partition}", "aws")] if is_kind else []))
    return tuple(sorted(_place(arn, region) for arn in found))


def _place(arn: str, region: str) -> str:
    """Return an ARN in the partition of its region, of whichever account."""
    parts = arn.split(":", 5)
    parts[1] = next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
    parts[4] = EVERYTHING if parts[4] else ""
    return ":".join(parts)


def _merge(permissions: Iterable[Permission]) -> Iterator[Permission]:
    """Yield one permission for all actions on the same resources, those on every resource last."""
    scopes = dict[str, set[str]]()
    for permission in permissions:
        for action in permission.actions:
            scopes.setdefault(action, set()).update(permission.resources)
    by_resources = dict[tuple[str, ...], list[str]]()
    for action, resources in sorted(scopes.items()):
        by_resources.setdefault(tuple(sorted(resources)), []).append(action)
    for on, actions in sorted(by_resources.items(), key=lambda it: (it[0] == (EVERYTHING,), it[0])):
        yield Permission(tuple(actions), on)


def _list_grants(settings: ComponentSettings, resources: Sequence[DeployedResource], region: str) -> Iterator[RunGrant]:
    for resource in resources:
        if resource.type == _ROLE_POLICY_TYPE:
            for statement in json.loads(str(resource.outputs["policy"]))["Statement"]:
                on = (it if it == EVERYTHING else _place(it, region) for it in read_names(statement["Resource"]) or ())
                permission = Permission(read_names(statement["Action"]) or (), tuple(on))
                yield _describe_grant(str(resource.outputs["role"]), permission, settings)
        elif resource.type == _ATTACHMENT_TYPE:
            policy = str(resource.outputs["policyArn"])
            note = "a policy of AWS, by which API Gateway writes logs"
            yield RunGrant(str(resource.outputs["role"]), Permission((policy,), (EVERYTHING,)), "access logs", note)


def _describe_grant(role: str, permission: Permission, settings: ComponentSettings) -> RunGrant:
    used = _find_used(settings)
    features = {
        feature if used[check] else ""
        for action in permission.actions
        for pattern, feature, check in _FEATURES
        if fnmatchcase(action, pattern)
    }
    note = "" if EVERYTHING not in permission.resources else "AWS limits these actions to no resource"
    return RunGrant(role, permission, ", ".join(sorted(filter(None, features))), note)


def _find_used(settings: ComponentSettings) -> Mapping[str, bool]:
    return {
        "always": True,
        "tracing": settings.features.tracing or settings.platform is not None,
        "secrets": bool(settings.secret_keys) or settings.platform is not None,
        "network": settings.network.private or bool(settings.network.subnet_ids),
        "websocket": settings.type == "websocket",
        "platform": settings.platform is not None,
        "messages": settings.uses_messages,
        "calls": settings.has_internal_calls,
        "schedules": any(it.trigger and it.trigger.schedule for it in settings.functions),
    }


AWS_PERMISSIONS = PermissionRules(describe_policies, read_granted_policies)
