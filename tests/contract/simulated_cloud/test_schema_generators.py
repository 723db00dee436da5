"""What the generators read from each source, and what they refuse."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tools import generate_aws_schemas, generate_azure_shapes
from tools.aws_resources import Source
from tools.published_schemas import Node, shorten, write_or_check


@cache
def _described(token: str, cloudformation: str) -> tuple[dict[str, Any], dict[str, dict[str, Node]]]:
    nested: dict[str, dict[str, Node]] = {}
    return generate_aws_schemas.describe(token, Source(cloudformation, reason="none"), nested), nested


class TestAws:
    @pytest.mark.parametrize(
        ("token", "cloudformation", "name", "expected"),
        [
            ("aws:sqs/queue:Queue", "AWS::SQS::Queue", "delaySeconds", {"minimum": 0, "maximum": 900}),
            ("aws:sqs/queue:Queue", "AWS::SQS::Queue", "fifoQueue", {"is": "boolean replace"}),
            ("aws:kms/key:Key", "AWS::KMS::Key", "keyUsage", {"is": "string"}),
            ("aws:rds/instance:Instance", "AWS::RDS::DBInstance", "password", "string secret"),
            ("aws:rds/instance:Instance", "AWS::RDS::DBInstance", "instanceClass", "string required"),
            ("aws:glue/job:Job", "AWS::Glue::Job", "command", "JobCommand required"),
        ],
    )
    def test_inputs_have_what_the_sources_say(self, token: str, cloudformation: str, name: str, expected: Any) -> None:
        found = _described(token, cloudformation)[0]["inputs"][name]

        assert found == expected if isinstance(expected, str) else expected.items() <= found.items()

    @pytest.mark.parametrize(
        ("token", "cloudformation", "identifier", "arn"),
        [
            ("aws:rds/instance:Instance", "AWS::RDS::DBInstance", ["identifier"], ""),
            (
                "aws:elasticache/subnetGroup:SubnetGroup",
                "AWS::ElastiCache::SubnetGroup",
                ["name"],
                "arn:aws:elasticache:{region}:{account}:subnetgroup:{}",
            ),
            (
                "aws:sfn/stateMachine:StateMachine",
                "AWS::StepFunctions::StateMachine",
                ["arn"],
                "arn:aws:states:{region}:{account}:stateMachine:{}",
            ),
            ("aws:s3/bucketVersioning:BucketVersioning", "", [], ""),
        ],
    )
    def test_types_are_identified_as_they_are_published(
        self, token: str, cloudformation: str, identifier: list[str], arn: str
    ) -> None:
        found = _described(token, cloudformation)[0]

        assert (found["identifier"], found["arn"]) == (identifier, arn)

    def test_prose_is_advisory(self) -> None:
        found = _described("aws:sqs/queue:Queue", "AWS::SQS::Queue")[0]["inputs"]["deduplicationScope"]

        assert found == {"is": "string computed", "advisory": {"enum": ["messageGroup", "queue"]}}

    def test_values_that_only_the_provider_knows_are_allowed(self) -> None:
        """`-1` removes the bound of a table's throughput; the service itself begins at 1."""
        nested = _described("aws:dynamodb/table:Table", "AWS::DynamoDB::Table")[1]

        assert shorten(nested["TableOnDemandThroughput"])["maxReadRequestUnits"] == "integer"

    def test_names_that_match_without_a_row_are_errors(self) -> None:
        source = Source("AWS::SQS::Queue", {"colour": "Colour"})

        with pytest.raises(ValueError, match="not needed: colour"):
            generate_aws_schemas.describe("aws:sqs/queue:Queue", source, {})

    def test_nested_types_have_limits_of_their_own(self) -> None:
        nested = _described("aws:lambda/function:Function", "AWS::Lambda::Function")[1]

        assert shorten(nested["FunctionEphemeralStorage"])["size"]["maximum"] > 512


class TestAzure:
    def test_types_have_the_outputs_that_are_no_inputs(self) -> None:
        storage = json.loads(generate_azure_shapes.files()["storage.json"])["resources"]
        account = storage["azure-native:storage:StorageAccount"]

        assert account["outputs"]["provisioningState"] == "string"
        assert not account["inputs"].keys() & account["outputs"].keys()

    def test_elements_of_one_list_may_be_of_all_classes_that_a_variant_takes(self) -> None:
        """What one variant of an input takes must not hide what another one takes under the same name."""
        nested = json.loads(generate_azure_shapes.files()["monitor.json"])["types"]
        [criteria] = [it for name, it in nested.items() if "MultipleResource" in name]

        assert criteria["allOf"] == "[DynamicMetricCriteria|MetricCriteria]"


class TestFiles:
    def test_that_are_stale_or_too_many_are_named(self, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
        write_or_check(tmp_path, {"a.json": "1", "b.json": "2"}, "make them", [])
        assert write_or_check(tmp_path, {"a.json": "1", "b.json": "2"}, "make them", ["--check"]) == 0

        assert write_or_check(tmp_path, {"a.json": "3"}, "make them", ["--check"]) == 1
        assert "a.json, b.json; run make them" in capsys.readouterr().out

    def test_that_no_type_needs_are_removed(self, tmp_path: Any) -> None:
        write_or_check(tmp_path, {"a.json": "1"}, "make them", [])
        write_or_check(tmp_path, {"b.json": "2"}, "make them", [])

        assert [file.name for file in tmp_path.iterdir()] == ["b.json"]
