"""Writes which IAM actions each AWS resource type needs, from cfn-lint's schemas and its list of actions.

`python tools/generate_aws_permissions.py` writes the file; with `--check` it writes nothing and exits with 1 if it is
stale. Requires `cfn-lint`. For another type, add it to `aws_resources.py`, and to OTHER_ACTIONS if CloudFormation has
no such type.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cfnlint
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tools.aws_resources import RESOURCES
from tools.generated_files import write_or_check_files

TARGET = Path(__file__).resolve().parent.parent / "semantest_iac/infrastructure/permissions/aws_permissions.json"
COMMAND = "python tools/generate_aws_permissions.py"
REGION = "us-east-1"
HANDLERS = ("create", "read", "update", "delete")

OTHER_ACTIONS = {
    "aws:acm/certificateValidation:CertificateValidation": {
        "create": ["acm:DescribeCertificate"],
        "read": ["acm:DescribeCertificate"],
    },
    # The calls of these names in the service's API; CloudFormation writes what they are about into another type.
    "aws:apigateway/methodSettings:MethodSettings": {  # a part of the stage, as every call on it
        "create": ["apigateway:PATCH"],
        "read": ["apigateway:GET"],
        "update": ["apigateway:PATCH"],
        "delete": ["apigateway:PATCH"],
    },
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
        "create": ["iam:AttachRolePolicy"],
        "read": ["iam:ListAttachedRolePolicies"],
        "delete": ["iam:DetachRolePolicy"],
    },
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
        "create": ["ecr:PutLifecyclePolicy"],
        "read": ["ecr:GetLifecyclePolicy"],
        "update": ["ecr:PutLifecyclePolicy"],
        "delete": ["ecr:DeleteLifecyclePolicy"],
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "create": ["secretsmanager:PutSecretValue"],
        "read": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        "update": ["secretsmanager:UpdateSecretVersionStage"],
    },
    **{
        f"aws:s3/bucket{name}:Bucket{name}": {
            "create": [f"s3:Put{setting}"],
            "read": [f"s3:Get{setting}"],
            "update": [f"s3:Put{setting}"],
            "delete": [f"s3:Put{setting}"],  # none of them has an action of its own for its delete
        }
        for name, setting in {
            "LifecycleConfiguration": "LifecycleConfiguration",
            "PublicAccessBlock": "BucketPublicAccessBlock",
            "ServerSideEncryptionConfiguration": "EncryptionConfiguration",
            "Versioning": "BucketVersioning",
        }.items()
    },
    "aws:s3/bucketObjectv2:BucketObjectv2": {
        "create": ["s3:PutObject", "s3:PutObjectTagging"],
        "read": ["s3:GetObject", "s3:GetObjectTagging"],
        "update": ["s3:PutObject", "s3:PutObjectTagging"],
        "delete": ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"],
    },
    "aws:shield/subscription:Subscription": {
        "create": ["shield:CreateSubscription"],
        "read": ["shield:DescribeSubscription"],
        "update": ["shield:UpdateSubscription"],
        "delete": ["shield:DeleteSubscription"],
    },
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": {
        "create": ["elasticloadbalancing:RegisterTargets"],
        "read": ["elasticloadbalancing:DescribeTargetHealth"],
        "delete": ["elasticloadbalancing:DeregisterTargets"],
    },
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": {
        "create": ["lambda:PutProvisionedConcurrencyConfig"],
        "read": ["lambda:GetProvisionedConcurrencyConfig"],
        "update": ["lambda:PutProvisionedConcurrencyConfig"],
        "delete": ["lambda:DeleteProvisionedConcurrencyConfig"],
    },
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": {
        "create": ["sqs:SetQueueAttributes"],
        "read": ["sqs:GetQueueAttributes"],
        "update": ["sqs:SetQueueAttributes"],
        "delete": ["sqs:SetQueueAttributes"],
    },
}

PROVIDER_ACTIONS = (
    # What Pulumi's provider calls besides, as Terraform's does, on which it is built: with a role it reads its policies
    # and looks for instance profiles before a delete, with a function its versions, and tags of everything.
    *("dynamodb:ListTagsOfResource", "ec2:DescribeAvailabilityZones", "ec2:DescribeSecurityGroupRules"),
    *("ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways", "ecr:BatchDeleteImage", "ecr:ListImages"),
    *("ecr:ListTagsForResource", "elasticloadbalancing:DescribeTags", "route53:ChangeResourceRecordSets"),
    *("route53:DeleteHostedZone", "servicediscovery:ListTagsForResource"),
    *("iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"),
    *("lambda:ListVersionsByFunction", "logs:ListTagsForResource", "s3:DeleteObject", "s3:DeleteObjectVersion"),
    *("s3:GetBucketRequestPayment", "s3:ListBucketVersions", "secretsmanager:GetResourcePolicy"),
    *("sns:GetTopicAttributes", "sns:ListTagsForResource", "sts:GetCallerIdentity"),
    # What a push of an image needs.
    *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetAuthorizationToken"),
    *("ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"),
)


def build_permissions() -> dict[str, Any]:
    """Return the actions of each type by operation, and the ARNs to which each action can be limited."""
    published = {token: source.cloudformation for token, source in RESOURCES.items() if source.cloudformation}
    types = {token: _read_handlers(cloudformation) for token, cloudformation in published.items()} | OTHER_ACTIONS
    actions = {action for handlers in types.values() for found in handlers.values() for action in found}
    return {
        "source": f"cfn-lint {cfnlint.version.__version__}: {COMMAND}",
        "types": dict(sorted(types.items())),
        "arns": _read_arn_patterns(sorted(actions | {*PROVIDER_ACTIONS})),
    }


def _read_handlers(cloudformation_type: str) -> dict[str, list[str]]:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, cloudformation_type).schema["handlers"]
    return {name: sorted(set(handlers[name]["permissions"])) for name in HANDLERS if name in handlers}


def _read_arn_patterns(actions: Iterable[str]) -> dict[str, list[str]]:
    """Map each action that exists to the ARNs to which it can be limited; no ARN, if it can be limited to none."""
    folder = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs"
    services = json.loads((folder / "Policies.json").read_text(encoding="utf-8"))
    patterns = {}
    for action in actions:
        service, _, name = action.partition(":")
        known = services.get(service, {})
        found = known.get("Actions", {}).get(name.lower())
        if found is None:
            continue  # what schemas name although IAM has no such action
        kinds = {kind.lower() for kind in found.get("Resources", ())}
        arns = {arn for kind, it in known["Resources"].items() if kind.lower() in kinds for arn in it["ARNFormats"]}
        patterns[action] = sorted(arn.replace(".*", "*") for arn in arns)
    return patterns


def render_permissions() -> str:
    """Return the text of the file."""
    return json.dumps(build_permissions(), indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str], target: Path = TARGET) -> int:
    """Write the file, or only compare it; returns the exit code."""
    return write_or_check_files({target: render_permissions()}, COMMAND, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
