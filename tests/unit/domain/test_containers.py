from __future__ import annotations

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import Capabilities, find_unsupported
from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.resource import Ref

STACK = Stack("platform", "aws", "development", "us-east-1")
SERVICE = ContainerService(
    name="service",
    image="registry.example/users-api:1",
    port=8080,
    cpu=0.5,
    memory_mb=1024,
    identity=Ref("identity"),
    log_store=Ref("logs"),
    secrets={"KEY": Ref("secret-key")},
)
BALANCER = LoadBalancer(name="balancer", target=Ref("service"), network=Ref("network"))


class TestContainerService:
    def test_needs_its_identity_log_and_secrets(self) -> None:
        assert SERVICE.needs() == ("identity", "logs", "secret-key")

    def test_keeps_one_instance_by_default(self) -> None:
        assert SERVICE.scaling == ScalingPolicy(minimum=1)

    def test_is_refused_on_a_cloud_without_it(self) -> None:
        cloud = Capabilities("moon", frozenset(), {ContainerService: "it has no registry"})

        [fault, *_] = find_unsupported(Blueprint(STACK, 1, (SERVICE,), {}), cloud, list)

        assert fault.message == "moon has no ContainerService: it has no registry"


class TestLoadBalancer:
    def test_needs_its_target_and_network(self) -> None:
        assert BALANCER.needs() == ("service", "network")
