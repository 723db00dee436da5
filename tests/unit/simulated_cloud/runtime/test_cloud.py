"""Create, read, update, delete and list resources; physical names and data sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES, simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AWS_TYPES))
FUNCTION = "aws:lambda/function:Function"
TOPIC = "aws:sns/topic:Topic"
STAGE = "aws:apigatewayv2/stage:Stage"
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"

World = dict[str, CreatedResource]
Samples = dict[str, Callable[[World], dict[str, Any]]]


class TestEveryType:
    def test_has_a_sample(self, samples: Samples) -> None:
        assert set(samples) == set(AWS_TYPES)

    @EVERY_TYPE
    def test_accepts_its_sample(self, type_: str, cloud: SimulatedCloud, world: World, samples: Samples) -> None:
        assert cloud.check(type_, samples[type_](world)) == []

    @EVERY_TYPE
    def test_is_created_without_a_warning(self, type_: str, world: World) -> None:
        assert world[type_].warnings == ()

    @EVERY_TYPE
    def test_is_read_as_it_was_created(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        made = world[type_]

        assert cloud.read(type_, made.id, made.outputs) == made.outputs

    @EVERY_TYPE
    def test_shows_no_change_for_the_same_inputs(
        self, type_: str, cloud: SimulatedCloud, world: World, samples: Samples
    ) -> None:
        inputs = samples[type_](world)

        found = cloud.diff(type_, inputs, world[type_].outputs, inputs)

        assert found.changed == ()

    @EVERY_TYPE
    def test_previews_every_output(self, type_: str, cloud: SimulatedCloud, world: World, samples: Samples) -> None:
        previewed = cloud.preview_create(type_, samples[type_](world))

        known = {name: value for name, value in previewed.items() if value is not UNKNOWN}
        assert previewed.keys() == world[type_].outputs.keys()
        assert known.items() <= world[type_].outputs.items()

    @EVERY_TYPE
    def test_keeps_its_outputs_through_an_update_without_change(
        self, type_: str, cloud: SimulatedCloud, world: World, samples: Samples
    ) -> None:
        inputs = samples[type_](world)

        previewed = cloud.preview_update(type_, world[type_].outputs, inputs)
        updated = cloud.update(type_, world[type_].id, inputs)

        assert previewed == updated == world[type_].outputs

    @EVERY_TYPE
    def test_is_found_by_its_owner(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        found = cloud.find_newest_by_owner(f"urn:{type_}", world[type_].outputs)

        assert found == (type_, world[type_].id, world[type_].outputs)

    def test_all_can_be_deleted_in_reverse_order(self, cloud: SimulatedCloud, world: World) -> None:
        for type_ in reversed(world):
            cloud.delete(type_, world[type_].id, world[type_].outputs)

        assert cloud.list_resources() == []


class TestIdentifiers:
    def test_are_the_same_in_every_run(self, world: World, samples: Samples) -> None:
        other = simulated_aws(Inventory(":memory:"), region="us-east-1")
        again: World = {}

        for type_, sample in samples.items():
            again[type_] = other.create(type_, sample(again), owner=f"urn:{type_}")

        assert {type_: made.id for type_, made in again.items()} == {type_: made.id for type_, made in world.items()}

    def test_differ_after_a_delete_and_create(self, cloud: SimulatedCloud) -> None:
        inputs = {"cidrBlock": "10.0.0.0/16"}
        first = cloud.create("aws:ec2/vpc:Vpc", inputs, owner="urn:vpc")

        cloud.delete("aws:ec2/vpc:Vpc", first.id)
        second = cloud.create("aws:ec2/vpc:Vpc", inputs, owner="urn:vpc")

        assert first.id != second.id

    @pytest.mark.parametrize(
        ("type_", "pattern"),
        [
            ("aws:ec2/vpc:Vpc", r"vpc-[0-9a-f]{17}"),
            ("aws:apigatewayv2/api:Api", r"[a-z0-9]{10}"),
            ("aws:apigatewayv2/integration:Integration", r"[a-z0-9]{7}"),
            (
                "aws:secretsmanager/secret:Secret",
                r"arn:aws:secretsmanager:us-east-1:\d{12}:secret:api/database-[A-Za-z0-9]{6}",
            ),
            (SECRET_VERSION, r"arn:aws:secretsmanager:.+\|[0-9a-f-]{36}"),
            ("aws:lambda/alias:Alias", r"arn:aws:lambda:us-east-1:\d{12}:function:api:live"),
            ("aws:iam/rolePolicy:RolePolicy", "api:network"),
            ("aws:ec2/route:Route", r"r-rtb-[0-9a-f]{17}1080289494"),
        ],
        ids=lambda value: value.rpartition(":")[2] if value.startswith("aws:") else "",
    )
    def test_have_the_form_of_aws(self, type_: str, pattern: str, world: World) -> None:
        assert re.fullmatch(pattern, world[type_].id)


class TestRead:
    def test_returns_none_for_a_missing_resource(self, cloud: SimulatedCloud) -> None:
        assert cloud.read(TOPIC, "arn:aws:sns:us-east-1:123456789012:gone") is None

    def test_needs_the_parent_where_an_id_is_ambiguous(self, cloud: SimulatedCloud, world: World, make: Any) -> None:
        other = make("aws:apigatewayv2/api:Api")
        make(STAGE, apiId=other.id)

        with pytest.raises(CloudRefusal, match="AmbiguousIdentifier"):
            cloud.read(STAGE, "$default")

        assert cloud.read(STAGE, "$default", {"apiId": other.id}) is not None

    def test_omits_secrets_that_the_caller_does_not_know(self, cloud: SimulatedCloud, world: World) -> None:
        read = cloud.read(SECRET_VERSION, world[SECRET_VERSION].id)

        assert read is not None
        assert "secretString" not in read

    def test_shows_a_secret_that_differs_from_the_callers(self, cloud: SimulatedCloud, world: World) -> None:
        made = world[SECRET_VERSION]

        read = cloud.read(SECRET_VERSION, made.id, {**made.outputs, "secretString": "battery staple"})

        assert read is not None
        assert read["secretString"].startswith("sealed:")


class TestDelete:
    def test_succeeds_for_a_missing_resource(self, cloud: SimulatedCloud) -> None:
        cloud.delete(TOPIC, "arn:aws:sns:us-east-1:123456789012:gone")

        assert cloud.list_resources() == []

    def test_keeps_a_retained_resource(self, cloud: SimulatedCloud) -> None:
        inputs = {"name": "retained", "skipDestroy": True}
        cloud.create("aws:cloudwatch/logGroup:LogGroup", inputs, owner="urn:retained")

        cloud.delete("aws:cloudwatch/logGroup:LogGroup", "retained")

        assert cloud.list_resources() == [("aws:cloudwatch/logGroup:LogGroup", "retained")]

    def test_is_refused_for_a_protected_resource(self, make: Any, cloud: SimulatedCloud) -> None:
        make("aws:dynamodb/table:Table", name="protected", deletionProtectionEnabled=True)

        with pytest.raises(CloudRefusal, match="protected against deletion"):
            cloud.delete("aws:dynamodb/table:Table", "protected")

    def test_deletes_the_parts_of_an_api_with_it(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete("aws:apigatewayv2/api:Api", world["aws:apigatewayv2/api:Api"].id)

        left = {type_ for type_, _ in cloud.list_resources() if type_.startswith("aws:apigatewayv2/")}
        assert left == {
            "aws:apigatewayv2/domainName:DomainName",
            "aws:apigatewayv2/apiMapping:ApiMapping",
        }  # a domain's


class TestUpdate:
    def test_is_refused_for_a_missing_resource(self, cloud: SimulatedCloud) -> None:
        with pytest.raises(CloudRefusal, match="ResourceNotFound") as caught:
            cloud.update(TOPIC, "arn:gone", {"name": "gone"})

        assert caught.value.status == 404

    def test_changes_nothing_when_it_is_refused(self, cloud: SimulatedCloud, world: World, samples: Samples) -> None:
        inputs = {**samples[FUNCTION](world), "role": "arn:aws:iam::123456789012:role/none", "timeout": 20}

        with pytest.raises(CloudRefusal):
            cloud.update(FUNCTION, "api", inputs)

        assert cloud.read(FUNCTION, "api", world[FUNCTION].outputs) == world[FUNCTION].outputs


class TestListResources:
    def test_filters_by_region_in_one_account(self, inventory: Inventory, cloud: SimulatedCloud) -> None:
        ireland = simulated_aws(inventory, region="eu-west-1")
        cloud.create(TOPIC, {"name": "alarms"}, owner="urn:one")
        ireland.create(TOPIC, {"name": "alarms"}, owner="urn:two")

        assert len(cloud.list_resources()) == 2
        assert cloud.list_resources("eu-west-1") == [(TOPIC, "arn:aws:sns:eu-west-1:123456789012:alarms")]

    def test_follows_the_region_of_the_inputs(self, cloud: SimulatedCloud) -> None:
        made = cloud.create(TOPIC, {"name": "alarms", "region": "eu-west-1"}, owner="urn:one")

        assert made.id == "arn:aws:sns:eu-west-1:123456789012:alarms"
        assert cloud.read(TOPIC, made.id, made.outputs) == made.outputs


class TestAddPhysicalName:
    def test_adds_digits_to_the_logical_name(self, cloud: SimulatedCloud) -> None:
        named = cloud.add_physical_name(TOPIC, {}, "alarms")

        assert named["name"].startswith("alarms-")
        assert len(named["name"]) == len("alarms-") + 7
        assert named["__defaults"] == ["name"]

    def test_keeps_the_previous_generated_name(self, cloud: SimulatedCloud) -> None:
        before = cloud.add_physical_name(TOPIC, {}, "alarms", salt="1")

        assert cloud.add_physical_name(TOPIC, {}, "alarms", previous=before, salt="2") == before

    @pytest.mark.parametrize("inputs", [{"name": "mine"}, {"namePrefix": "mine-"}], ids=["name", "prefix"])
    def test_keeps_a_given_name(self, cloud: SimulatedCloud, inputs: dict[str, Any]) -> None:
        assert cloud.add_physical_name(TOPIC, inputs, "alarms") == inputs

    def test_respects_the_maximum_length_of_the_type(self, cloud: SimulatedCloud) -> None:
        assert len(cloud.add_physical_name(FUNCTION, {}, "f" * 100)["name"]) == 64

    def test_lets_the_provider_complete_a_prefix(self, cloud: SimulatedCloud) -> None:
        made = cloud.create(TOPIC, {"namePrefix": "mine-"}, owner="urn:one")

        assert made.outputs["name"].startswith("mine-")
        assert made.id.endswith(made.outputs["name"])


class TestInvoke:
    def test_names_the_account(self, cloud: SimulatedCloud) -> None:
        answer = cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})

        assert answer["accountId"] == "123456789012"

    def test_names_the_zones_of_the_region(self, cloud: SimulatedCloud) -> None:
        answer = cloud.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"})

        assert answer["names"] == [f"us-east-1{letter}" for letter in "abcdef"]

    def test_names_region_and_partition(self, cloud: SimulatedCloud) -> None:
        assert cloud.invoke("aws:index/getRegion:getRegion", {})["region"] == "us-east-1"
        assert cloud.invoke("aws:index/getPartition:getPartition", {})["partition"] == "aws"

    def test_is_refused_for_an_unknown_data_source(self, cloud: SimulatedCloud) -> None:
        with pytest.raises(CloudRefusal, match="UnknownInvoke"):
            cloud.invoke("aws:index/getMoon:getMoon", {})

    def test_does_not_support_data_sources_as_types(self, cloud: SimulatedCloud) -> None:
        assert not cloud.supports("aws:index/getRegion:getRegion")
        assert cloud.supports(TOPIC)
