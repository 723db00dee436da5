"""What ECS, Elastic Load Balancing, Cloud Map and Application Auto Scaling refuse, and what they report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.conftest import SAMPLES, Make, World

Refused = Callable[..., CloudRefusal]

_BALANCER, _GROUP = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"
_LISTENER, _RULE = "aws:lb/listener:Listener", "aws:lb/listenerRule:ListenerRule"
_CLUSTER, _TASK, _SERVICE = (
    "aws:ecs/cluster:Cluster",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:ecs/service:Service",
)
_NAMED, _INSTANCE = "aws:servicediscovery/service:Service", "aws:servicediscovery/instance:Instance"
_TARGET, _POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"


def _containers(**more: Any) -> str:
    container = {"name": "orders-api", "image": "example.org/orders:1", "portMappings": [{"containerPort": 8080}]}
    return json.dumps([{**container, **more}])


class TestTasks:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"containerDefinitions": "[]"}, "Container list cannot be empty."),
            ({"cpu": "256", "memory": "4096"}, "No Fargate configuration exists for given values."),
            ({"cpu": None}, "No Fargate configuration exists for given values."),
            ({"networkMode": "bridge"}, "Fargate only supports network mode 'awsvpc'."),
            (
                {"containerDefinitions": _containers(logConfiguration={"logDriver": "awslogs"})},
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ),
            (
                {"containerDefinitions": _containers(secrets=[{"name": "TOKEN", "valueFrom": "arn:aws:ssm:::token"}])},
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ),
        ],
        ids=["nothing", "size", "no size", "network", "log", "secrets"],
    )
    def test_are_refused_as_fargate_does(self, refused: Refused, changes: Mapping[str, Any], message: str) -> None:
        refusal = refused(_TASK, **changes)

        assert (refusal.code, refusal.message) == ("ClientException", message)

    def test_have_a_revision_more_with_every_change(self, make: Make, world: World) -> None:
        second = make(_TASK, cpu="512", memory="1024")
        third = make(_TASK, owner="urn:third", memory="2048", cpu="512")

        arns = [it.outputs["arn"].rpartition("/")[2] for it in (world[_TASK], second, third)]
        assert arns == ["orders-api:1", "orders-api:2", "orders-api:3"]
        assert {it.id for it in (world[_TASK], second, third)} == {"orders-api"}


class TestServices:
    def test_are_known_by_their_cluster(self, world: World) -> None:
        assert world[_SERVICE].id == "arn:aws:ecs:us-east-1:123456789012:service/semantest/orders-api"

    def test_keep_their_cluster(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="cannot be deleted while Services are active"):
            cloud.delete(_CLUSTER, world[_CLUSTER].id, world[_CLUSTER].outputs)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"networkConfiguration": None}, "Network Configuration must be provided when networkMode 'awsvpc'"),
            ({"taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/other:1"}, "Unable to describe"),
            ({"cluster": "other"}, "Cluster not found."),
            ({"loadBalancers": None, "healthCheckGracePeriodSeconds": 60}, "Health check grace period is only valid"),
        ],
        ids=["network", "task", "cluster", "grace"],
    )
    def test_are_refused_without_what_they_need(
        self, refused: Refused, changes: Mapping[str, Any], message: str
    ) -> None:
        assert message in refused(_SERVICE, name="other", **changes).message

    @pytest.mark.parametrize(
        ("name", "port", "message"),
        [
            ("users-api", 8080, "The container users-api does not exist in the task definition."),
            ("orders-api", 9090, "The container orders-api did not have a container port 9090 defined."),
        ],
    )
    def test_balance_a_port_that_their_tasks_have(
        self, world: World, refused: Refused, name: str, port: int, message: str
    ) -> None:
        balanced = {"containerName": name, "containerPort": port, "targetGroupArn": world[_GROUP].id}

        assert refused(_SERVICE, name="other", loadBalancers=[balanced]).message == message

    def test_need_a_group_to_which_something_sends_requests(self, make: Make, refused: Refused) -> None:
        group = make(_GROUP, name="unused").id
        balanced = {"containerName": "orders-api", "containerPort": 8080, "targetGroupArn": group}

        refusal = refused(_SERVICE, name="other", loadBalancers=[balanced])

        assert (
            refusal.message
            == f"The target group with targetGroupArn {group} does not have an associated load balancer."
        )

    def test_need_a_group_of_addresses(self, make: Make, world: World, refused: Refused) -> None:
        group = make(_GROUP, name="instances", targetType="instance").id
        make(
            _RULE,
            owner="urn:rule",
            actions=[{"type": "forward", "targetGroupArn": group}],
            conditions=[{"hostHeader": {"values": ["other.semantest.internal"]}}],
        )
        balanced = {"containerName": "orders-api", "containerPort": 8080, "targetGroupArn": group}

        assert "has target type instance" in refused(_SERVICE, name="other", loadBalancers=[balanced]).message


class TestBalancers:
    def test_have_the_names_that_aws_forms(self, world: World) -> None:
        outputs = world[_BALANCER].outputs

        assert outputs["arn"].endswith(f":loadbalancer/{outputs['arnSuffix']}")
        assert outputs["arnSuffix"].startswith("net/orders/")
        assert outputs["dnsName"].endswith(".elb.us-east-1.amazonaws.com")

    def test_of_http_span_two_zones(self, refused: Refused) -> None:
        refusal = refused(_BALANCER, name="other", loadBalancerType="application")

        assert refusal.message == "At least two subnets in two different Availability Zones must be specified"

    def test_of_http_listen_to_http(self, make: Make, world: World, refused: Refused) -> None:
        subnets = [
            world["aws:ec2/subnet:Subnet"].id,
            make("aws:ec2/subnet:Subnet", owner="urn:b", cidrBlock="10.0.77.0/24", availabilityZone="us-east-1b").id,
        ]
        balancer = make(_BALANCER, name="http", loadBalancerType="application", subnets=subnets, internal=True)

        refusal = refused(_LISTENER, loadBalancerArn=balancer.id)

        assert refusal.message == "Listener protocol 'TCP' must be one of 'HTTPS, HTTP'"
        assert balancer.outputs["dnsName"].startswith("internal-http-")

    def test_of_https_need_a_certificate(self, refused: Refused) -> None:
        refusal = refused(_LISTENER, protocol="TLS", port=443)

        assert refusal.message == "A certificate must be specified for HTTPS listeners"

    def test_listen_once_to_a_port(self, refused: Refused) -> None:
        assert refused(_LISTENER).code == "DuplicateListener"

    def test_keep_their_groups(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="is currently in use by a listener or a rule"):
            cloud.delete(_GROUP, world[_GROUP].id, world[_GROUP].outputs)

    def test_ask_for_health_less_often_than_they_wait(self, refused: Refused) -> None:
        refusal = refused(_GROUP, name="other", healthCheck={"interval": 5, "timeout": 5})

        assert refusal.message == "Health check interval must be greater than the timeout."


class TestRules:
    def _make(self, make: Make, owner: str, **changes: Any) -> CreatedResource:
        return make(_RULE, owner=owner, conditions=[{"hostHeader": {"values": [f"{owner[4:]}.internal"]}}], **changes)

    def test_get_the_next_priority(self, make: Make, world: World) -> None:
        second, fifth = self._make(make, "urn:b"), self._make(make, "urn:c", priority=5)

        priorities = [it.outputs["priority"] for it in (world[_RULE], second, fifth, self._make(make, "urn:d"))]
        assert priorities == [1, 2, 5, 6]

    def test_have_a_priority_of_their_own(self, refused: Refused) -> None:
        assert refused(_RULE, priority=1).code == "PriorityInUse"

    @pytest.mark.parametrize("host", ["orders-api", "orders-api.semantest.internal1", "orders api.internal"])
    def test_are_about_hosts_with_a_top_level_of_letters(self, cloud: SimulatedCloud, world: World, host: str) -> None:
        inputs = {**SAMPLES[_RULE](world), "conditions": [{"hostHeader": {"values": [host]}}]}

        [failure] = cloud.check(_RULE, inputs)

        assert failure.property.startswith("conditions")

    def test_compare_five_values_at_most(self, refused: Refused) -> None:
        hosts = [f"h{number}.internal" for number in range(6)]

        refusal = refused(_RULE, conditions=[{"hostHeader": {"values": hosts}}])

        assert refusal.message == "A rule can only have '5' condition values"


class TestNames:
    def test_of_balancers_need_weights(self, make: Make, world: World, refused: Refused) -> None:
        namespace = world["aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"].id
        records = {"namespaceId": namespace, "routingPolicy": "MULTIVALUE", "dnsRecords": [{"ttl": 60, "type": "A"}]}
        service = make(_NAMED, name="users-api", dnsConfig=records)

        assert refused(_INSTANCE, serviceId=service.id).code == "InvalidInput"

    @pytest.mark.parametrize("type_", [_NAMED, "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"])
    def test_stay_while_something_has_them(self, cloud: SimulatedCloud, world: World, type_: str) -> None:
        with pytest.raises(CloudRefusal) as caught:
            cloud.delete(type_, world[type_].id, world[type_].outputs)

        assert caught.value.code == "ResourceInUse"


class TestScaling:
    def test_is_of_a_service_that_is_there(self, refused: Refused) -> None:
        refusal = refused(_TARGET, resourceId="service/semantest/other")

        assert refusal.message == "ECS service doesn't exist: service/semantest/other"

    def test_has_bounds_in_order(self, refused: Refused) -> None:
        assert refused(_TARGET, minCapacity=6).message == "Maximum capacity cannot be less than minimum capacity"

    def test_has_policies_of_registered_targets(self, refused: Refused) -> None:
        refusal = refused(_POLICY, resourceId="service/semantest/other")

        assert refusal.code == "ObjectNotFoundException"

    def test_has_policies_with_their_configuration(self, refused: Refused) -> None:
        assert refused(_POLICY, name="steps", policyType="StepScaling").code == "ValidationException"

    def test_loses_its_policies_with_its_target(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(_TARGET, world[_TARGET].id, world[_TARGET].outputs)

        assert (_POLICY, "cpu") not in cloud.list_resources()
