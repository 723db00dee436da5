"""Services on ECS: what their tasks run, with which rights and names, and how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import (
    ContainerEnvironment,
    ContainerService,
    HealthProbe,
    ImageRegistry,
    ServiceScaling,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue
from semantest_iac.domain.monitoring.logs_and_alarms import LogSource, LogStore
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.security.vaults import SecretVault, Workload, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.aws.platform.containers.service_scaling import build_scaling_steps
from semantest_iac.infrastructure.clouds.plan.aws_container_sizes import choose_task_size
from semantest_iac.infrastructure.container_images.registry_client import PasswordLogin
from tests.unit.cloud_programs.recorder import (
    IMAGE_DIGEST,
    Registration,
    inputs_named,
    of_type,
    record_program,
    record_pushes,
)

_TASK, _SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
_TARGET, _POLICY = "aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"
_REPOSITORY = "aws:ecr/repository:Repository"
_ROLE_POLICY, _ALARM = "aws:iam/rolePolicy:RolePolicy", "aws:cloudwatch/metricAlarm:MetricAlarm"
_QUEUE = Ref("queue")
_ORDERS = ContainerService(
    name=Ref("service-orders-api"),
    service="orders-api",
    runs_in=Ref("containers"),
    identity=Ref("identity-orders-api"),
    log_store=Ref("logs"),
    image="ghcr.io/example/orders:1.4",
    registry=Ref("images"),
    balancer=Ref("balancer"),
    environment={"LIMIT": "5"},
    secrets={"TOKEN": Ref("secret-token")},
    uses=(_QUEUE,),
    receives_from=(_QUEUE,),
    calls=("users-api",),
)


def _record(service: ContainerService = _ORDERS, **changes: Any) -> list[Registration]:
    return record_program(_blueprint(service, **changes))


def _blueprint(service: ContainerService = _ORDERS, **changes: Any) -> Blueprint:
    resources: Sequence[Resource] = (
        LogStore(name="logs", source=LogSource.FUNCTION, retention_days=30),
        SecretVault(name="vault", recovery_days=30),
        AppSecret(name="secret-token", key="token", recovery_days=7, vault=Ref("vault")),
        MessageBroker(name="broker"),
        MessageQueue(name=_QUEUE, queue="orders-queue", broker=Ref("broker")),
        WorkloadIdentity(name="identity-orders-api", workload=Workload.CONTAINER),
        ContainerEnvironment(name="containers", log_store=Ref("logs")),
        ImageRegistry(name="images", repositories=("orders-api",)),
        LoadBalancer(name="balancer", runs_in=Ref("containers")),
        replace(service, **changes),
    )
    return Blueprint(Stack("shop", "aws", "staging", "us-east-1"), 1, tuple(resources), {})


def _container(registrations: list[Registration]) -> dict[str, Any]:
    task = inputs_named(_TASK, "service-orders-api", registrations)
    [container] = json.loads(task["containerDefinitions"])
    return dict(container)


def _actions(name: str, registrations: list[Registration]) -> set[str]:
    statements = json.loads(inputs_named(_ROLE_POLICY, name, registrations)["policy"])["Statement"]
    return {action for statement in statements for action in statement["Action"]}


class TestTasks:
    def test_find_what_they_use_and_call_by_variables(self) -> None:
        variables = {it["name"]: it["value"] for it in _container(_record())["environment"]}

        assert variables["LIMIT"] == "5"
        assert variables["SEMANTEST_SERVICE_USERS_API"].startswith("http://users-api.semantest-shop-")
        assert variables["SEMANTEST_SERVICE_USERS_API"].endswith(".internal")
        assert {"SEMANTEST_SEND_ORDERS_QUEUE", "SEMANTEST_RECEIVE_ORDERS_QUEUE"} <= variables.keys()

    def test_get_one_version_of_a_secret_and_never_its_value(self) -> None:
        container = _container(_record())
        [secret] = container["secrets"]

        assert secret["name"] == "TOKEN"
        assert ":::" in secret["valueFrom"]
        assert "the secret's value" not in json.dumps(container)

    def test_of_a_source_run_the_image_that_was_made_of_it(self) -> None:
        container = _container(_record(image=""))

        assert container["image"] == f"{_REPOSITORY}:images-orders-api@{IMAGE_DIGEST}"

    def test_of_a_source_have_it_pushed_when_its_repository_is_there(self) -> None:
        recorder, [(push, before)] = record_pushes(_blueprint(image=""))

        assert push.repository == f"{_REPOSITORY}:images-orders-api"
        assert push.login == PasswordLogin("AWS", "the password")
        assert _REPOSITORY in before
        assert _TASK not in before
        assert ("aws:ecr/getAuthorizationToken:getAuthorizationToken", {}) in recorder.invokes
        assert "the password" not in repr(push)

    def test_of_a_configured_image_have_nothing_pushed(self) -> None:
        assert record_pushes(_blueprint())[1] == []

    def test_have_a_size_that_fargate_has(self) -> None:
        task = inputs_named(_TASK, "service-orders-api", _record(cpu=0.75, memory_mb=1500))

        assert (task["cpu"], task["memory"]) == ("1024", "2048")

    @pytest.mark.parametrize(
        ("cpu", "memory_mb", "size"),
        [(0.25, 512, (256, 512)), (0.25, 3000, (512, 3072)), (4, 8192, (4096, 8192)), (0.5, 700, (512, 1024))],
    )
    def test_take_the_smallest_size_that_is_enough(self, cpu: float, memory_mb: int, size: tuple[int, int]) -> None:
        assert choose_task_size(cpu, memory_mb) == size

    def test_have_no_size_beyond_the_largest(self) -> None:
        with pytest.raises(ValueError, match="no task with 32 processors"):
            choose_task_size(32, 512)


class TestRights:
    def test_to_start_are_apart_from_those_of_the_code(self) -> None:
        registrations = _record()
        starting, running = (_actions(f"service-orders-api{it}", registrations) for it in ("-start", ""))

        assert {"ecr:BatchGetImage", "secretsmanager:GetSecretValue", "kms:Decrypt", "logs:PutLogEvents"} <= starting
        assert running == {
            *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"),
            *("sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"),
        }


class TestServices:
    def test_fail_where_new_tasks_do_not_stay(self) -> None:
        service = inputs_named(_SERVICE, "service-orders-api", _record())

        assert service["waitForSteadyState"] is True
        assert service["deploymentCircuitBreaker"] == {"enable": True, "rollback": False}

    def test_without_a_network_have_public_addresses_that_let_nobody_in(self) -> None:
        registrations = _record()
        entered = of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", registrations)

        assert inputs_named(_SERVICE, "service-orders-api", registrations)["networkConfiguration"]["assignPublicIp"]
        assert [it.inputs.get("cidrIpv4") for it in entered] == [None]

    def test_wait_for_the_rule_by_which_they_get_requests(self) -> None:
        [service] = of_type(_SERVICE, _record())

        assert any("listenerRule:ListenerRule" in urn for urn in service.needs)

    def test_answer_at_their_name_alone(self) -> None:
        registrations = _record()
        rule = inputs_named("aws:lb/listenerRule:ListenerRule", "service-orders-api", registrations)
        [host] = rule["conditions"][0]["hostHeader"]["values"]
        listener = inputs_named("aws:lb/listener:Listener", "balancer", registrations)
        namespace = inputs_named(
            "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace", "containers", registrations
        )

        assert host == f"orders-api.{namespace['name']}"
        assert (listener["port"], listener["protocol"]) == (80, "HTTP")
        assert listener["defaultActions"][0]["fixedResponse"]["statusCode"] == "404"

    def test_are_asked_for_their_health_as_the_probe_says(self) -> None:
        probe = HealthProbe(path="/ready", interval_s=6, timeout_s=5, failures=4, start_s=90)
        registrations = _record(probe=probe)
        check = inputs_named("aws:lb/targetGroup:TargetGroup", "service-orders-api", registrations)["healthCheck"]

        assert {key: check[key] for key in ("path", "interval", "timeout", "unhealthyThreshold")} == {
            "path": "/ready",
            "interval": 6,
            "timeout": 5,
            "unhealthyThreshold": 4,
        }
        assert inputs_named(_SERVICE, "service-orders-api", registrations)["healthCheckGracePeriodSeconds"] == 90


def _scaling(**limits: Any) -> ServiceScaling:
    return ServiceScaling(**{"minimum": 1, "maximum": 5, **limits})


class TestScaling:
    def test_is_none_where_the_number_is_fixed(self) -> None:
        registrations = _record(scaling=ServiceScaling(minimum=2, maximum=2, cpu_percent=70))

        assert of_type(_TARGET, registrations) == []
        assert inputs_named(_SERVICE, "service-orders-api", registrations)["desiredCount"] == 2

    def test_follows_each_signal(self) -> None:
        scaling = _scaling(concurrent_requests=50, cpu_percent=70, memory_percent=80, queues={_QUEUE: 20})
        targets = {
            it.name: it.inputs["targetTrackingScalingPolicyConfiguration"]["targetValue"]
            for it in of_type(_POLICY, _record(scaling=scaling))
        }

        assert targets == {
            "service-orders-api-cpu": 70,
            "service-orders-api-memory": 80,
            "service-orders-api-requests": 50,
            "service-orders-api-queue-0": 20,
        }

    @pytest.mark.parametrize(
        ("limits", "minimum"),
        [({"queues": {_QUEUE: 20}}, 0), ({"queues": {_QUEUE: 20}, "cpu_percent": 70}, 1), ({"cpu_percent": 70}, 1)],
        ids=["queues", "queues and load", "load"],
    )
    def test_leaves_no_task_only_where_queues_alone_start_some(self, limits: dict[str, Any], minimum: int) -> None:
        registrations = _record(scaling=_scaling(minimum=0, **limits))

        assert inputs_named(_TARGET, "service-orders-api", registrations)["minCapacity"] == minimum
        assert inputs_named(_SERVICE, "service-orders-api", registrations)["desiredCount"] == minimum

    def test_from_nothing_counts_the_tasks_that_all_messages_need(self) -> None:
        registrations = _record(scaling=_scaling(minimum=0, queues={_QUEUE: 20}))
        alarms = {it.name.rpartition("-")[2]: it.inputs for it in of_type(_ALARM, registrations)}

        assert alarms["needed"]["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarms["idle"]["evaluationPeriods"] == 5
        expression = alarms["needed"]["metricQueries"][0]["expression"]
        assert expression == "CEIL((FILL(waiting0, 0) + FILL(handled0, 0)) / 20)"

    @pytest.mark.parametrize("maximum", [1, 2, 5, 20, 21, 50, 100])
    def test_steps_cover_every_need_with_enough_tasks(self, maximum: int) -> None:
        steps = build_scaling_steps(maximum)

        for needed in range(1, maximum + 30):
            [step] = [
                it
                for it in steps
                if float(it["metric_interval_lower_bound"]) <= needed - 1
                and needed - 1 < float(it.get("metric_interval_upper_bound", "inf"))
            ]
            assert min(needed, maximum) <= step["scaling_adjustment"] <= maximum
        assert len(steps) <= 20
        assert [it["scaling_adjustment"] for it in build_scaling_steps(3)] == [1, 2, 3]
