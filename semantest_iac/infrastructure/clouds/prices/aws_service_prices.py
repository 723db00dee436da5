"""What AWS charges in us-east-1 for services that run containers; data that leaves a zone is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.costs.estimates import HOURS_PER_MONTH, CostItem
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.clouds.plan.aws_container_sizes import choose_minimum, choose_task_size
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    list_hours,
    make_tested_price,
)

AWS_SERVICE_UNIT_PRICES: Final = {
    "processors": make_tested_price("aws", 0.04048, "ecs_service_test"),  # one of them for an hour
    "memory": make_tested_price("aws", 0.004445, "ecs_service_test"),  # a GB for an hour
    "load balancer": make_tested_price("aws", 0.0225, "lb_test"),  # an hour
    "load balancer capacity": make_tested_price("aws", 0.008, "lb_test"),  # a unit for an hour
    "hosted zone": make_tested_price("aws", 0.50, "route53_zone_test"),  # a month
    "image storage": make_tested_price("aws", 0.10, "ecr_repository_test"),  # a GB and month
    "alarm metrics": make_tested_price("aws", 0.10, "cloudwatch_metric_alarm_test"),  # a metric and month
}
"""USD, by what is charged. No dated public source was found for the metrics of Container Insights."""

_CONNECTIONS_PER_UNIT = 25 * 3600  # new ones in an hour; source: the page on prices of Elastic Load Balancing
_ALARMS_PER_POLICY = 2  # one for more and one for fewer
_GB_PER_REPOSITORY = 1  # assumed


def _list_environment_items(environment: ContainerEnvironment, _priced: PricedUsage) -> Iterator[CostItem]:
    price = AWS_SERVICE_UNIT_PRICES["hosted zone"]
    yield CostItem(environment.name, "hosted zone", 1, "each", price, is_fixed=True)
    yield CostItem(environment.name, "container metrics", 1, "each", None, is_fixed=True)


def _list_registry_items(registry: ImageRegistry, _priced: PricedUsage) -> Iterator[CostItem]:
    gigabytes = _GB_PER_REPOSITORY * len(registry.repositories)
    price = AWS_SERVICE_UNIT_PRICES["image storage"]
    yield CostItem(registry.name, "image storage", gigabytes, "GB-month", price, is_fixed=True)


def _list_balancer_items(balancer: LoadBalancer, priced: PricedUsage) -> Iterator[CostItem]:
    """Every request is counted as a new connection."""
    yield from list_hours(balancer.name, "load balancer", AWS_SERVICE_UNIT_PRICES["load balancer"])
    price = AWS_SERVICE_UNIT_PRICES["load balancer capacity"]
    yield CostItem(balancer.name, "capacity", priced.usage.requests / _CONNECTIONS_PER_UNIT, "unit-hour", price)


def _list_service_items(service: ContainerService, _priced: PricedUsage) -> Iterator[CostItem]:
    """The least number of tasks runs all the time; what scaling adds is not in it."""
    size, hours = choose_task_size(service.cpu, service.memory_mb), choose_minimum(service.scaling) * HOURS_PER_MONTH
    for what, amount in (("processors", size.cpu_units / 1024), ("memory", size.memory_mb / 1024)):
        price = AWS_SERVICE_UNIT_PRICES[what]
        yield CostItem(service.name, what, amount * hours, f"{_UNITS[what]}-hour", price, is_fixed=True)
    scaling = service.scaling
    signals = (scaling.concurrent_requests, scaling.cpu_percent, scaling.memory_percent, *scaling.queues.values())
    if alarms := _ALARMS_PER_POLICY * sum(map(bool, signals)):
        price = AWS_SERVICE_UNIT_PRICES["alarm metrics"]
        yield CostItem(service.name, "alarm metrics", alarms, "metric", price, is_fixed=True)


_UNITS: Final = {"processors": "processor", "memory": "GB"}

AWS_SERVICE_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    ContainerEnvironment: _list_environment_items,
    ContainerService: _list_service_items,
    ImageRegistry: _list_registry_items,
    LoadBalancer: _list_balancer_items,
}
