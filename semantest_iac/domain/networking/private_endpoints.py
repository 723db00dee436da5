"""Private endpoints: addresses inside a virtual network for services that would else be reached outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Ref, Resource


class PrivateService(StrEnum):
    """The services that can have a private endpoint."""

    CACHE = "cache"
    CONTAINERS = "containers"
    DATABASE = "database"
    DOCUMENTS = "documents"
    FILES = "files"
    FUNCTIONS = "functions"
    GATEWAY = "gateway"
    IMAGES = "images"
    MESSAGING = "messaging"
    OBJECTS = "objects"
    PIPELINES = "pipelines"
    QUEUES = "queues"
    SECRETS = "secrets"
    TABLES = "tables"
    WEB_SOCKETS = "web-sockets"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint(Resource):
    """Private addresses of one service in `subnet`, under the names that the service has outside.

    There is one per service and network: its `targets` are all the resources of the service that get an address,
    each of which gives an `id` to others; some clouds make the whole service private, whatever its resources are.
    `reached_from` are the subnets from which it is used. `companion` is the endpoint of another service, on clouds
    where both are the same one.
    """

    service: PrivateService
    network: Ref
    subnet: Ref
    targets: tuple[Ref, ...]
    reached_from: tuple[Ref, ...] = ()
    companion: Ref | None = None
