"""From where the parts of a platform are reached: the table of the architecture, which both clouds follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import Capability
from semantest_iac.domain.compute.containers import ContainerService, ImageRegistry
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.messaging.queues import MessageBroker
from semantest_iac.domain.monitoring.observability import LogWorkspace
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.sites import StaticSite
from semantest_iac.domain.networking.virtual_networks import BastionHost, NatGateway, NetworkFirewall
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.vaults import SecretVault
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore


class Reach(IntEnum):
    """From where something is reached; a larger one includes those before it."""

    NETWORK = 0
    IDENTITY = 1
    EVERYBODY = 2


REACH_WORDS = {
    Reach.NETWORK: "the network alone",
    Reach.IDENTITY: "everywhere, with an identity that has the right",
    Reach.EVERYBODY: "the internet",
}


@dataclass(frozen=True, slots=True)
class PartAccess:
    """From where a part of the platform is reached: `usual`, and with private endpoints.

    A cloud with another form of the `feature` has no private addresses for it, and asks for an identity everywhere.
    """

    part: str
    kind: type[Resource]
    usual: Reach
    private: Reach
    feature: Capability | None = None


PUBLIC_ACCESS: tuple[PartAccess, ...] = (
    PartAccess("site", StaticSite, Reach.EVERYBODY, Reach.EVERYBODY),
    PartAccess("gateway", ManagedGateway, Reach.EVERYBODY, Reach.EVERYBODY),
    PartAccess("services", ContainerService, Reach.NETWORK, Reach.NETWORK),
    PartAccess("images", ImageRegistry, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_IMAGES),
    PartAccess("queues and topics", MessageBroker, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_BROKER),
    PartAccess("functions", ServerlessFunction, Reach.IDENTITY, Reach.IDENTITY),
    PartAccess("tables", ItemTable, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_TABLES),
    PartAccess("buckets", ObjectStore, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_OBJECTS),
    PartAccess("SQL server", SqlServer, Reach.NETWORK, Reach.NETWORK),
    PartAccess("cache", RedisCache, Reach.IDENTITY, Reach.NETWORK),
    PartAccess("documents", DocumentDatabase, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_DOCUMENTS),
    PartAccess("pipeline", DataPipeline, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_PIPELINE),
    PartAccess("secrets", SecretVault, Reach.IDENTITY, Reach.NETWORK, capabilities.PRIVATE_VAULT),
    PartAccess("logs and traces", LogWorkspace, Reach.IDENTITY, Reach.IDENTITY),
    PartAccess("alarms", NotificationChannel, Reach.IDENTITY, Reach.IDENTITY),
    PartAccess("NAT gateway", NatGateway, Reach.NETWORK, Reach.NETWORK),
    PartAccess("firewall", NetworkFirewall, Reach.NETWORK, Reach.NETWORK),
    PartAccess("bastion", BastionHost, Reach.IDENTITY, Reach.IDENTITY),
)
"""Every part that has an address, with the kind that it is about."""
