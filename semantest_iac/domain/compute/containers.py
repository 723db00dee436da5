"""Services that run a container image, what they run in, and where their images are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.resource import Ref, Resource, address_variable

SERVICE_VARIABLE_PREFIX = "SEMANTEST_SERVICE_"
"""Begins the names of the variables with which a service finds those that it calls."""
DEFAULT_SERVICE_PORT = 8080
IMAGE_RUNTIME = "image"
"""The runtime of a package that is an image; its handler is the digest of the image's manifest."""


def service_variable(service: str) -> str:
    """Return the name of the variable with the address of a service; that of `users-api` ends with USERS_API."""
    return address_variable(SERVICE_VARIABLE_PREFIX, service)


def service_package(service: str) -> str:
    """Return the purpose of the package with the image of a service, among the packages of its stack."""
    return f"service:{service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnvironment(Resource):
    """What services run in, and find each other in by their names; `log_store` receives what they write.

    A `private` one is reached through its network alone; what of it is fixed when it is created, each cloud knows.
    """

    log_store: Ref
    network: Ref | None = None
    subnet: Ref | None = None
    private: bool = False
    high_availability: bool = False
    tier: Tier = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRegistry(Resource):
    """The images of the stack's services, in a repository for each of them; nobody reads them without a right.

    A `private` one is reached through the network alone.
    """

    repositories: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthProbe:
    """The requests that tell whether an instance works; after `failures` without a 2xx or 3xx in a row it is replaced.

    `start_s` is how long a new instance may take until it answers.
    """

    path: str = "/health"
    interval_s: int = 10
    timeout_s: int = 5
    failures: int = 3
    start_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScaling:
    """Between how many instances a service scales, and what each of them should have to do.

    That is requests at once, percents of its processor and memory, and waiting messages by the queue's resource. More
    of any of them makes more instances.
    """

    minimum: int = 1
    maximum: int = 1
    concurrent_requests: int | None = None
    cpu_percent: int | None = None
    memory_percent: int | None = None
    queues: Mapping[Ref, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerService(Resource):
    """A service of identical containers, each with an `image` that listens on `port`; secrets are references.

    `service` is the name under which those that it `calls` are found, too. Without an `image` it runs the one that is
    made of its source, which is a package of the stack. It may use the resources in `uses`, of which its variables tell
    it, and receive messages from those in `receives_from`; the identity gets the rights with the service. With `dapr`
    each instance has Dapr's sidecar. `reached_by_gateway` are services that a gateway calls, `public` ones everybody.
    """

    service: str
    runs_in: Ref
    identity: Ref
    log_store: Ref
    image: str = ""
    registry: Ref | None = None
    balancer: Ref | None = None
    port: int = DEFAULT_SERVICE_PORT
    cpu: float = 0.25
    memory_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Ref] = field(default_factory=dict)
    probe: HealthProbe = HealthProbe()
    scaling: ServiceScaling = ServiceScaling()
    public: bool = False
    reached_by_gateway: bool = False
    dapr: bool = False
    uses: tuple[Ref, ...] = ()
    receives_from: tuple[Ref, ...] = ()
    calls: tuple[str, ...] = ()

    @property
    def is_reached_outside(self) -> bool:
        """Whether it is called from outside of the environment."""
        return self.public or self.reached_by_gateway

    def needs(self) -> tuple[str, ...]:
        """Return the queues by which it scales besides the resources that it names itself."""
        return tuple(dict.fromkeys((*Resource.needs(self), *self.scaling.queues)))
