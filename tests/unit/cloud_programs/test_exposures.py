"""Which properties of resources let everybody reach data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud

_BLOCK = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
_RULE = {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "Internet", "destinationPortRanges": ["443"]}
_GROUP_RULE = {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443}


def _policy(**statement: Any) -> dict[str, str]:
    return {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **statement}]})}


_ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "aws:s3/bucketPolicy:BucketPolicy",
        _policy(Principal={"AWS": ["*"]}),
        _policy(Principal="*", Condition={"StringEquals": {"aws:SourceArn": "arn:aws:sns:::a"}}),
    ),
    ("aws:sqs/queuePolicy:QueuePolicy", _policy(Principal="*"), _policy(Principal="*", Effect="Deny")),
    ("aws:sns/topicPolicy:TopicPolicy", _policy(Principal="*"), _policy(Principal={"Service": "sns.amazonaws.com"})),
    ("aws:kms/key:Key", _policy(Principal={"AWS": "*"}), {}),
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {**_BLOCK, "ignorePublicAcls": False}, _BLOCK),
    ("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "NONE"}, {"authorizationType": "AWS_IAM"}),
    ("aws:lambda/permission:Permission", {"principal": "*"}, {"principal": "apigateway.amazonaws.com"}),
    ("aws:lb/loadBalancer:LoadBalancer", {}, {"internal": True}),
    ("aws:rds/instance:Instance", {"publiclyAccessible": True}, {"publiclyAccessible": False}),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {**_GROUP_RULE, "toPort": 1433}, _GROUP_RULE),
    (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"cidrIpv6": "::/0", "ipProtocol": "-1"},
        {"cidrIpv4": "10.0.0.0/16", "ipProtocol": "-1"},
    ),
    ("azure-native:containerregistry:Registry", {"anonymousPullEnabled": True}, {}),
    (
        "azure-native:network:NetworkSecurityGroup",
        {"securityRules": [{**_RULE, "destinationPortRanges": ["443", "1433"]}]},
        {"securityRules": [_RULE, {**_RULE, "destinationPortRanges": ["*"], "access": "Deny"}]},
    ),
    (
        "azure-native:network:NetworkSecurityGroup",
        {"securityRules": [{**_RULE, "sourceAddressPrefix": "*", "destinationPortRange": "*"}]},
        {"securityRules": [{**_RULE, "sourceAddressPrefix": "ApiManagement", "destinationPortRange": "3443"}]},
    ),
    (
        "azure-native:sql:FirewallRule",
        {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"},
        {"startIpAddress": "192.0.2.1", "endIpAddress": "192.0.2.1"},
    ),
    ("azure-native:storage:BlobContainer", {"publicAccess": "Blob"}, {"publicAccess": "None"}),
    ("azure-native:storage:StorageAccount", {"allowBlobPublicAccess": True}, {"allowBlobPublicAccess": False}),
]


@pytest.mark.parametrize(("type_", "is_open", "is_closed"), _ROWS)
def test_open_properties_are_told_from_closed_ones(
    type_: str, is_open: dict[str, Any], is_closed: dict[str, Any]
) -> None:
    cloud = find_cloud(type_.partition(":")[0].removesuffix("-native"))

    assert cloud.find_exposure(type_, is_open)
    assert cloud.find_exposure(type_, is_closed) == ""


def test_every_row_of_the_clouds_is_tried() -> None:
    assert {row[0] for row in _ROWS} >= {*find_cloud("azure").exposing}
    policies = {"aws:ecr/repositoryPolicy:RepositoryPolicy", "aws:secretsmanager/secretPolicy:SecretPolicy"}
    assert {row[0] for row in _ROWS} | policies >= {*find_cloud("aws").exposing}


@pytest.mark.parametrize("value", [None, "", "not JSON", "[]", object()])
def test_a_policy_that_cannot_be_read_opens_nothing_that_is_seen(value: Any) -> None:
    assert find_cloud("aws").find_exposure("aws:s3/bucketPolicy:BucketPolicy", {"policy": value}) == ""
