"""Answers of SNS and IAM that the snapshots of LocalStack's tests record (`tests/aws/services/sns` and `iam`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue"

World = dict[str, CreatedResource]
Refused = Callable[..., CloudRefusal]


class TestTopics:
    @pytest.mark.parametrize(
        "changes", [{"name": "test.fifo"}, {"name": "test", "fifoTopic": True}], ids=["name", "attribute"]
    )
    def test_agree_with_their_suffix(self, changes: dict[str, Any], refused: Refused) -> None:
        refusal = refused(TOPIC, **changes)

        assert (refusal.code, refusal.message) == ("InvalidParameter", "Invalid parameter: Topic Name")

    def test_that_are_fifo_get_names_with_it(self, cloud: SimulatedCloud, make: Any) -> None:
        fifo = {"fifoTopic": True}

        assert cloud.add_physical_name(TOPIC, fifo, "alarms")["name"].endswith(".fifo")
        assert make(TOPIC, name=None, namePrefix="alarms-", **fifo).outputs["name"].endswith(".fifo")

    def test_that_are_fifo_have_both(self, make: Any) -> None:
        assert make(TOPIC, name="test.fifo", fifoTopic=True).outputs["arn"].endswith(":test.fifo")

    def test_are_one_where_tags_are_equal_or_left_out(self, make: Any) -> None:
        first = make(TOPIC, name="test", tags={"a": "1", "b": "2"})

        assert [make(TOPIC, name="test", tags=tags).id for tags in ({"a": "1", "b": "2"}, {"a": "1"}, {})] == [
            first.id
        ] * 3

    def test_are_refused_with_other_tags(self, refused: Refused) -> None:
        assert refused(TOPIC, tags={"key1": "value1"}).message == (
            "Invalid parameter: Tags Reason: Topic already exists with different tags"
        )

    @pytest.mark.parametrize("changes", [{"displayName": "Value2"}, {"signatureVersion": 2}])
    def test_are_refused_with_other_attributes(self, changes: dict[str, Any], make: Any, refused: Refused) -> None:
        make(TOPIC, name="test", displayName="Value1")

        assert make(TOPIC, name="test").outputs["name"] == "test"
        assert refused(TOPIC, name="test", **changes).message == (
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
        )

    def test_report_their_default_policy(self, world: World) -> None:
        policy = json.loads(world[TOPIC].outputs["policy"])

        assert (policy["Version"], policy["Id"]) == ("2008-10-17", "__default_policy_ID")
        [statement] = policy["Statement"]
        assert statement["Resource"] == world[TOPIC].id
        assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": "123456789012"}}
        assert len(statement["Action"]) == 8

    def test_may_be_created_anew_with_other_tags(self, cloud: SimulatedCloud, make: Any) -> None:
        cloud.delete(TOPIC, make(TOPIC, name="test", tags={"a": "1"}).id)

        assert make(TOPIC, name="test", tags={"a": "2"}).outputs["tags"] == {"a": "2"}


class TestSubscriptions:
    @pytest.mark.parametrize(
        ("protocol", "endpoint", "message"),
        [
            ("sqs", "https://sqs.us-east-1.amazonaws.com/123456789012/queue", "Invalid parameter: SQS endpoint ARN"),
            (
                "sqs",
                f"{QUEUE}.fifo",
                "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
                "standard SNS topics",
            ),
            ("sms", "NAA+15551234567", "Invalid SMS endpoint: NAA+15551234567"),
            ("sms", "+15--551234567", "Invalid SMS endpoint: +15--551234567"),
            ("https", "http://example.org", "Invalid parameter: Endpoint must match the specified protocol"),
            ("email", "nobody", "Invalid parameter: Email address"),
        ],
    )
    def test_need_the_endpoint_of_their_protocol(
        self, protocol: str, endpoint: str, message: str, refused: Refused
    ) -> None:
        refusal = refused(SUBSCRIPTION, protocol=protocol, endpoint=endpoint)

        assert (refusal.code, refusal.message) == ("InvalidParameter", message)

    def test_to_the_same_endpoint_are_one(self, world: World, make: Any) -> None:
        assert make(SUBSCRIPTION).id == world[SUBSCRIPTION].id
        assert make(SUBSCRIPTION, endpoint="other@example.org").id != world[SUBSCRIPTION].id

    def test_to_the_same_endpoint_keep_their_attributes(self, make: Any, refused: Refused) -> None:
        queue = {"protocol": "sqs", "endpoint": QUEUE}
        first = make(SUBSCRIPTION, **queue, filterPolicy=json.dumps({"a": ["b"]}))

        assert make(SUBSCRIPTION, **queue).id == first.id
        assert refused(SUBSCRIPTION, **queue, filterPolicy=json.dumps({"a": ["c"]})).message == (
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
        )

    @pytest.mark.parametrize(
        ("topic", "target", "message"),
        [
            ("alarms", "fake-arn", "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
            (
                "alarms.fifo",
                QUEUE,
                "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
            ),
        ],
    )
    def test_need_a_queue_for_dead_letters(
        self, topic: str, target: str, message: str, make: Any, refused: Refused
    ) -> None:
        is_fifo = topic.endswith(".fifo")
        arn = make(TOPIC, name=topic, fifoTopic=is_fifo).id
        endpoint = f"{QUEUE}.fifo" if is_fifo else QUEUE

        redrive = json.dumps({"deadLetterTargetArn": target})
        refusal = refused(SUBSCRIPTION, topic=arn, protocol="sqs", endpoint=endpoint, redrivePolicy=redrive)

        assert refusal.message == f"Invalid parameter: {message}"

    @pytest.mark.parametrize(
        ("policy", "message"),
        [
            ({"key": []}, "Empty arrays are not allowed"),
            ({"key": [["value"]]}, "Match value must be String, number, true, false, or null"),
            ({"key": [{"wrong-operator": True}]}, "Unrecognized match type wrong-operator"),
            ({"key": [{"suffix": "value", "prefix": "value2"}]}, "Only one key allowed in match expression"),
            ({"key_a": "value_one"}, '"key_a" must be an object or an array'),
            ({"key": [f"value{number}" for number in range(151)]}, "Filter policy is too complex"),
            ({f"key{number}": ["value"] for number in range(6)}, "Filter policy can not have more than 5 keys"),
            (
                {
                    "source": ["aws.cloudwatch", "aws.events", "aws.test", "aws.test2"],
                    "$or": [
                        {"metricName": ["CPUUtilization", "ReadLatency", "t1", "t2", "t3", "t4"]},
                        {
                            "metricType": ["MetricType", "TestType", "TestType2", "TestType3"],
                            "$or": [{"metricId": [1234, 4321, 5678, 9012]}, {"spaceId": [1, 2, 3, 4]}],
                        },
                    ],
                },
                "Filter policy is too complex",
            ),
        ],
    )
    def test_need_a_valid_filter(self, policy: dict[str, Any], message: str, refused: Refused) -> None:
        refusal = refused(SUBSCRIPTION, endpoint="other@example.org", filterPolicy=json.dumps(policy))

        assert refusal.code == "InvalidParameter"
        assert message in refusal.message

    def test_filter_nested_attributes_of_bodies_only(self, make: Any, refused: Refused) -> None:
        nested = {"endpoint": "other@example.org", "filterPolicy": json.dumps({"object": {"key": ["value"]}})}

        assert "does not support nested filter policy" in refused(SUBSCRIPTION, **nested).message
        assert make(SUBSCRIPTION, **nested, filterPolicyScope="MessageBody").warnings == ()

    def test_accept_the_most_complex_filter(self, make: Any) -> None:
        policy = json.dumps({"key": [f"value{number}" for number in range(150)]})

        assert make(SUBSCRIPTION, endpoint="other@example.org", filterPolicy=policy).warnings == ()


class TestPolicies:
    @pytest.mark.parametrize(
        "arn",
        [
            "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRule",
            "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole",
            "arn:aws:iam::123456789012:policy/own",
        ],
        ids=["misspelt", "without its path", "own"],
    )
    def test_that_do_not_exist_cannot_be_attached(self, arn: str, refused: Refused) -> None:
        message = f"Policy {arn} does not exist or is not attachable."

        for refusal in (refused(ATTACHMENT, policyArn=arn), refused(ROLE, name="other", managedPolicyArns=[arn])):
            assert (refusal.code, refusal.message) == ("NoSuchEntity", message)

    def test_that_do_not_exist_bound_no_role(self, refused: Refused) -> None:
        boundary = "arn:aws:iam::123456789012:policy/boundary"

        assert refused(ROLE, name="other", permissionsBoundary=boundary).code == "NoSuchEntity"

    @pytest.mark.parametrize(
        "name", ["service-role/AWSLambdaVPCAccessExecutionRole", "AdministratorAccess", "AWSXRayDaemonWriteAccess"]
    )
    def test_of_aws_can_be_attached(self, name: str, make: Any) -> None:
        assert make(ATTACHMENT, policyArn=f"arn:aws:iam::aws:policy/{name}").warnings == ()
