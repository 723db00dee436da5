"""Attributes and refusals of tables and endpoints, from snapshots of LocalStack's tests and AWS's documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

TABLE = "aws:dynamodb/table:Table"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"

World = dict[str, CreatedResource]
Refused = Callable[..., CloudRefusal]


class TestTables:
    @pytest.mark.parametrize(
        ("changes", "reads", "writes"),
        [
            ({"billingMode": "PAY_PER_REQUEST"}, 12000, 4000),
            ({"billingMode": "PROVISIONED", "readCapacity": 5, "writeCapacity": 5}, 5, 5),
        ],
    )
    def test_report_their_warm_throughput(self, changes: dict[str, Any], reads: int, writes: int, make: Any) -> None:
        made = make(TABLE, name="other", **changes)

        assert made.outputs["warmThroughput"] == {"readUnitsPerSecond": reads, "writeUnitsPerSecond": writes}

    def test_need_a_sort_key_for_local_indexes(self, make: Any, refused: Refused) -> None:
        keys = ("connectionId", "age", "sort")
        changes = {
            "name": "other",
            "localSecondaryIndexes": [{"name": "by-age", "projectionType": "ALL", "rangeKey": "age"}],
        }

        refusal = refused(TABLE, **changes, attributes=[{"name": key, "type": "S"} for key in keys[:2]])

        assert refusal.code == "ValidationException"
        assert "does not have a range key" in refusal.message
        attributes = [{"name": key, "type": "S"} for key in keys]
        assert make(TABLE, **changes, rangeKey="sort", attributes=attributes).id == "other"

    def test_need_capacity_where_it_is_provisioned(self, refused: Refused) -> None:
        assert "must both be specified" in refused(TABLE, name="other", billingMode=None).message

    def test_have_indexes_of_different_names(self, refused: Refused) -> None:
        index = {"name": "same", "projectionType": "ALL"}
        indexes = [{**index, "hashKey": "connectionId"}, {**index, "hashKey": "other"}]
        attributes = [{"name": name, "type": "S"} for name in ("connectionId", "other")]

        refusal = refused(TABLE, name="other", globalSecondaryIndexes=indexes, attributes=attributes)

        assert "Duplicate index name" in refusal.message


class TestEndpoints:
    def test_have_an_interface_in_each_subnet_and_names(self, world: World) -> None:
        outputs = world[ENDPOINT].outputs

        [interface] = outputs["networkInterfaceIds"]
        assert interface.startswith("eni-")
        regional, private = outputs["dnsEntries"]
        assert regional["dnsName"].startswith(f"{outputs['arn'].rpartition('/')[2]}-")
        assert regional["dnsName"].endswith(".secretsmanager.us-east-1.vpce.amazonaws.com")
        assert private["dnsName"] == "secretsmanager.us-east-1.amazonaws.com"

    def test_of_gateways_have_neither(self, make: Any) -> None:
        gateway = {"vpcEndpointType": "Gateway", "subnetIds": None, "securityGroupIds": None, "privateDnsEnabled": None}

        outputs = make(ENDPOINT, serviceName="com.amazonaws.us-east-1.s3", **gateway).outputs

        assert (outputs["networkInterfaceIds"], outputs["dnsEntries"]) == ([], [])
