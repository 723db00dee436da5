"""What every layer of the platform is built from, and what it returns.

How to add a layer, such as messaging:

1. Write `domain/blueprints/platform/messaging.py` with `build_messaging(context: LayerContext) -> Layer`. Its settings
   are `context.platform.messaging`, those of the environment `context.platform.environment`.
2. Use resources of other layers only by `context.find_ref(...)` or `context.find_refs(...)`, which return nothing where
   the other layer is not in the blueprint: the same function builds the layer alone and as a part of the platform.
   Layers before this one are built already; what refers to a later layer belongs into that one.
3. Name resources after their layer, such as `queue-orders-queue`: names are unique in the whole platform, and a
   resource keeps its name as long as it is to stay.
4. Add the layer to LAYER_TYPES in `domain/environments/names.py`, and its function to LAYER_BUILDERS in `layers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.virtual_networks import Subnet, VirtualNetwork
from semantest_iac.domain.resource import Ref, Resource

TRACES_REF = Ref("traces")
"""The traces of the platform, with which functions have their logs in common."""

_Kind = TypeVar("_Kind", bound=Resource)


def identity_ref(workload: str) -> Ref:
    """Return the name of the identity of a workload of the platform."""
    return Ref(f"identity-{workload}")


def service_ref(name: str) -> Ref:
    """Return the name of the resource of a service."""
    return Ref(f"service-{name}")


def service_identity_ref(service: str) -> Ref:
    """Return the name of the identity of a service."""
    return identity_ref(f"service-{service}")


def queue_ref(name: str) -> Ref:
    """Return the name of the resource of a queue."""
    return Ref(f"queue-{name}")


def requests_ref(function: str) -> Ref:
    """Return the name of what lets others call a function."""
    return Ref(f"requests-{function}")


def topic_ref(name: str) -> Ref:
    """Return the name of the resource of a topic."""
    return Ref(f"topic-{name}")


def table_ref(name: str) -> Ref:
    """Return the name of the resource of a table."""
    return Ref(f"table-{name}")


def bucket_ref(name: str) -> Ref:
    """Return the name of the resource of a bucket."""
    return Ref(f"bucket-{name}")


def subscription_ref(topic: str, name: str) -> Ref:
    """Return the name of the resource of a subscription."""
    return Ref(f"subscription-{topic}-{name}")


@dataclass(frozen=True, slots=True)
class LayerContext:
    """The stack with its settings, and the resources of the layers before, by name."""

    stack: Stack
    settings: ComponentSettings
    platform: PlatformSettings
    built: Mapping[str, Resource] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether services are reached through the network alone: without one, nobody could reach what is private."""
        return self.platform.environment.security.private_endpoints and bool(self.find_all(VirtualNetwork))

    def find_ref(self, name: str) -> Ref | None:
        """Return the reference to a resource of a layer before, None where there is no such resource."""
        return Ref(name) if name in self.built else None

    def find_stores(self, tables: Iterable[str], buckets: Iterable[str]) -> tuple[Ref, ...]:
        """Return the references to tables and buckets of these names, without those that are not there."""
        wanted = dict.fromkeys((*map(table_ref, tables), *map(bucket_ref, buckets)))
        return tuple(ref for ref in wanted if ref in self.built)

    def find_all(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        """Return the resources of a kind that the layers before have built."""
        return tuple(it for it in self.built.values() if isinstance(it, kind))

    def find_refs(self, kind: type[Resource]) -> tuple[Ref, ...]:
        """Return the references to all resources of a kind that the layers before have built."""
        return tuple(Ref(it.name) for it in self.find_all(kind))

    def find_first(self, kind: type[Resource]) -> Ref | None:
        """Return the reference to the first resource of a kind, None where there is none."""
        return next(iter(self.find_refs(kind)), None)

    def leave_out_built(self, resources: Iterable[_Kind]) -> Iterator[_Kind]:
        """Yield those resources that no layer before has built."""
        return (it for it in resources if it.name not in self.built)

    def find_subnet(self, part: NetworkPart) -> Ref | None:
        """Return the reference to the subnet of a part of the network, None without a network."""
        return next((Ref(it.name) for it in self.find_all(Subnet) if it.part is part), None)


@dataclass(frozen=True, slots=True)
class Layer:
    """The resources of a layer, and which of their attributes are outputs of the stack.

    The names of outputs begin with the layer, as they are those of the whole platform: `network_id`.
    """

    resources: tuple[Resource, ...]
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)


BuildLayer = Callable[[LayerContext], Layer]
