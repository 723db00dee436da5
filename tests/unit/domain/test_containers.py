from __future__ import annotations

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import Capabilities, find_unsupported
from semantest_iac.domain.compute.containers import ContainerService, ServiceScaling, service_variable
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.resource import Ref

STACK = Stack("platform", "aws", "development", "us-east-1")
SERVICE = ContainerService(
    name="service",
    service="users-api",
    runs_in=Ref("environment"),
    image="registry.example/users-api:1",
    identity=Ref("identity"),
    log_store=Ref("logs"),
    secrets={"KEY": Ref("secret-key")},
    scaling=ServiceScaling(maximum=5, queues={Ref("queue-orders"): 20}),
    uses=(Ref("queue-orders"), Ref("table-users")),
)


class TestContainerService:
    def test_needs_what_it_names_and_the_queues_by_which_it_scales(self) -> None:
        assert SERVICE.needs() == (
            *("environment", "identity", "logs", "secret-key"),
            *("queue-orders", "table-users"),
        )

    def test_keeps_one_instance_by_default(self) -> None:
        assert (SERVICE.scaling.minimum, ServiceScaling().maximum) == (1, 1)

    def test_is_refused_on_a_cloud_without_it(self) -> None:
        cloud = Capabilities("moon", frozenset(), {ContainerService: "it has no registry"})

        [fault, *_] = find_unsupported(Blueprint(STACK, 1, (SERVICE,), {}), cloud, list)

        assert fault.message == "moon has no container service: it has no registry"

    def test_is_found_by_a_variable_with_its_name(self) -> None:
        assert service_variable("users-api") == "SEMANTEST_SERVICE_USERS_API"


class TestLoadBalancer:
    def test_needs_what_its_services_run_in(self) -> None:
        balancer = LoadBalancer(name="balancer", runs_in=Ref("environment"), network=Ref("network"))

        assert balancer.needs() == ("environment", "network")
