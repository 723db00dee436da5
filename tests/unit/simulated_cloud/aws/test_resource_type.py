"""What AWS types do without a word in their rows."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import OnDelete, TypeRule

_ALIAS = "aws:kms/alias:Alias"
_BUCKET = "aws:s3/bucket:Bucket"
_KEY = "aws:kms/key:Key"
_QUEUE = "aws:sqs/queue:Queue"
_POLICY = "aws:sqs/queuePolicy:QueuePolicy"


class TestIdentity:
    def test_is_the_published_identifier(self, world: Any) -> None:
        assert world[_QUEUE].id == "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
        assert world[_KEY].id == world[_KEY].outputs["keyId"]
        assert world[_BUCKET].id == "semantest-staging"

    def test_must_be_written_where_none_is_published(self) -> None:
        with pytest.raises(ValueError, match="InternetGateway: no id is published"):
            _ = AwsType("aws:ec2/internetGateway:InternetGateway").rule().identity

    def test_is_in_the_arn(self, world: Any) -> None:
        assert world[_KEY].outputs["arn"] == f"arn:aws:kms:us-east-1:123456789012:key/{world[_KEY].id}"
        assert world[_BUCKET].outputs["arn"] == "arn:aws:s3:::semantest-staging"
        assert world[_QUEUE].outputs["arn"] == "arn:aws:sqs:us-east-1:123456789012:orders"

    def test_is_unique_by_the_name(self, make: Any) -> None:
        with pytest.raises(CloudRefusal, match="BucketAlreadyOwnedByYou"):
            make(_BUCKET)

    @pytest.mark.parametrize(
        ("type_", "name", "replaces"),
        [(_QUEUE, "name", True), (_BUCKET, "bucket", True), ("aws:apigatewayv2/api:Api", "name", False)],
    )
    def test_by_a_name_makes_it_fixed(self, type_: str, name: str, replaces: bool) -> None:
        rule = AWS_TYPES[type_]

        assert (rule.name_input, rule.properties[name].force_new) == (name, replaces)


class TestReferences:
    @pytest.mark.parametrize(
        ("type_", "path", "value"),
        [
            (_ALIAS, "targetKeyId", "00000000-0000-4000-8000-000000000000"),
            (_QUEUE, "kmsMasterKeyId", "alias/none"),
            (_POLICY, "queueUrl", "https://sqs.us-east-1.amazonaws.com/123456789012/none"),
            ("aws:ec2/internetGateway:InternetGateway", "vpcId", "vpc-0"),
        ],
    )
    def test_must_exist(self, type_: str, path: str, value: str, make: Any) -> None:
        changes = {path: value} | ({"name": "alias/other"} if type_ == _ALIAS else {})

        with pytest.raises(CloudRefusal, match=r"not exist|NonExistent"):
            make(type_, **changes)

    def test_to_keys_of_aws_itself_need_none(self, make: Any) -> None:
        assert make(_QUEUE, name="other", kmsMasterKeyId="alias/aws/sqs").outputs["kmsMasterKeyId"] == "alias/aws/sqs"

    def test_take_a_part_with_its_whole(self, cloud: SimulatedCloud, world: Any) -> None:
        cloud.delete(_QUEUE, world[_QUEUE].id)

        assert cloud.read(_POLICY, world[_POLICY].id) is None

    def test_inside_a_resource_never_take_it_with_them(self) -> None:
        """A table that was imported from a bucket stays when the bucket goes."""
        rules: list[TypeRule] = list(AWS_TYPES.values())
        nested = [one for rule in rules for one in rule.references if "." in one.path.removesuffix(".*")]

        assert {one.on_delete for one in nested} <= {OnDelete.ALLOW, OnDelete.REFUSE}


class TestOutputs:
    def test_are_what_the_text_of_the_sdk_mentions(self, world: Any) -> None:
        assert world[_QUEUE].outputs["kmsDataKeyReusePeriodSeconds"] == 300
        assert world[_BUCKET].outputs["acl"] == "private"

    def test_have_the_region_and_all_tags(self, make: Any) -> None:
        outputs = make(_BUCKET, bucket="semantest-other", tags={"app": "orders"}).outputs

        assert (outputs["region"], outputs["tagsAll"]) == ("us-east-1", {"app": "orders"})


class TestInputs:
    @pytest.mark.parametrize(
        ("type_", "changes", "path"),
        [
            (_QUEUE, {"delaySeconds": 901}, "delaySeconds"),
            (_QUEUE, {"redrivePolicy": "no JSON"}, "redrivePolicy"),
            (_ALIAS, {"name": "orders"}, "name"),
            (_KEY, {"deletionWindowInDays": 6}, "deletionWindowInDays"),
            (_KEY, {"keyUsage": "LOCK"}, "keyUsage"),
            (_BUCKET, {"bucket": "Semantest"}, "bucket"),
        ],
    )
    def test_are_refused_with_their_path(
        self, type_: str, changes: dict[str, Any], path: str, cloud: SimulatedCloud, samples: Any, world: Any
    ) -> None:
        failures = cloud.check(type_, {**samples[type_](world), **changes})

        assert {(failure.property, failure.warning) for failure in failures} == {(path, False)}

    def test_that_prose_does_not_mention_are_warned_of(self, cloud: SimulatedCloud) -> None:
        failures = cloud.check(_QUEUE, {"name": "orders", "deduplicationScope": "topic"})

        assert [(failure.property, failure.warning) for failure in failures] == [("deduplicationScope", True)]
