"""The settings of services that run containers, with what holds where a configuration says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.compute.containers import DEFAULT_SERVICE_PORT, HealthProbe, ServiceScaling
from semantest_iac.domain.costs.tiers import Tier

DEFAULT_CPU, DEFAULT_SERVICE_MEMORY_MB = 0.25, 512
DEFAULT_MAXIMUM_INSTANCES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBindings:
    """What a service may use, by the names in the configuration."""

    sends_to: tuple[str, ...] = ()
    receives_from: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    database: bool = False
    cache: bool = False
    documents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """A service: clouds run its `image`, or one on a `base` that is made of its `source`; this machine runs the source.

    `queue_lengths` are waiting messages for each instance by the name of the queue. Secrets are names by variable.
    """

    name: str
    image: str = ""
    source: str = ""
    start: str = ""
    base: str = ""
    port: int = DEFAULT_SERVICE_PORT
    cpu: float = DEFAULT_CPU
    memory_mb: int = DEFAULT_SERVICE_MEMORY_MB
    public: bool = False
    probe: HealthProbe = field(default_factory=HealthProbe)
    scaling: ServiceScaling = field(default_factory=lambda: ServiceScaling(maximum=DEFAULT_MAXIMUM_INSTANCES))
    queue_lengths: Mapping[str, int] = field(default_factory=dict)
    bindings: ServiceBindings = ServiceBindings()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesSettings:
    """The services of a component by name, the tier of what they run in, and whether Dapr runs beside them."""

    services: Mapping[str, ServiceSettings] = field(default_factory=dict)
    tier: Tier = "basic"
    high_availability: bool = False
    dapr: bool = False

    @property
    def has_public(self) -> bool:
        """Whether everybody may call one of them."""
        return any(it.public for it in self.services.values())

    @property
    def has_images(self) -> bool:
        """Whether one of them runs an image of another registry than that of the stack."""
        return any(it.image for it in self.services.values())

    @property
    def built(self) -> Mapping[str, ServiceSettings]:
        """The services whose image is made of their source, by name."""
        return {name: it for name, it in self.services.items() if not it.image}

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the secrets that services read."""
        return frozenset(name for service in self.services.values() for name in service.secrets.values())
