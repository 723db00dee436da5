"""The settings of the platform's layers, with what the plan puts into them where a configuration says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.compute.triggers import DEFAULT_BATCH_SIZE, UTC_ZONE
from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.environment_settings import EnvironmentSettings, FeatureFlags
from semantest_iac.domain.environments.names import LAYER_TYPES, PLATFORM_TYPE
from semantest_iac.domain.environments.platform.gateway_settings import GatewaySettings
from semantest_iac.domain.environments.platform.service_settings import ServicesSettings
from semantest_iac.domain.environments.platform.site_settings import SiteSettings
from semantest_iac.domain.messaging.message_filters import ALL_MESSAGES, MessageFilter
from semantest_iac.domain.messaging.queues import DEFAULT_DELIVERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """A message that was delivered `max_deliveries` times without success goes to the dead letters.

    `lock_s` is for how long a message that somebody works on is hidden from others; None where the timeout of the
    function that it calls decides.
    """

    max_deliveries: int = DEFAULT_DELIVERIES
    lock_s: int | None = None
    retention_days: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings(DeliverySettings):
    """A queue; with `ordered`, messages of one group are handled in the order in which they came."""

    ordered: bool = False
    rejects_duplicates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings(DeliverySettings):
    """Who receives the messages of a topic: those that the filter takes."""

    filter: MessageFilter = ALL_MESSAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """A topic, and its subscriptions by name besides those of functions that it triggers."""

    subscriptions: Mapping[str, SubscriptionSettings] = field(default_factory=dict)
    ordered: bool = False
    rejects_duplicates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingSettings:
    """Queues and topics by name, and the tier of what carries them."""

    queues: Mapping[str, QueueSettings]
    topics: Mapping[str, TopicSettings]
    tier: Tier = "basic"


ETL_QUEUE = "etl-queue"
"""The queue with the jobs of the data pipeline."""
STAGING_BUCKET = "staging"
"""The bucket in which files of the data pipeline stay for a while."""
DEFAULT_QUEUES: Mapping[str, QueueSettings] = {
    "orders-queue": QueueSettings(),
    ETL_QUEUE: QueueSettings(lock_s=300),  # a job of the pipeline takes longer than an order
    "thirdparty-queue": QueueSettings(),
}
DEFAULT_TOPICS: Mapping[str, TopicSettings] = {
    "events-topic": TopicSettings(),
    "notifications-topic": TopicSettings(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The databases of the platform; without `databases` there is no SQL server.

    `backup_days` are those to any moment of which a database can be restored.
    """

    databases: tuple[str, ...]
    tier: Tier
    backup_days: int
    high_availability: bool
    redis_cache: bool
    document_database: bool


DEFAULT_DATABASES = ("semantest",)


@dataclass(frozen=True, slots=True, kw_only=True)
class EtlSettings:
    """The data pipeline: for how many days files stay in the staging storage, and whether a data factory moves them.

    It does that every day at the `pipeline_hour` in UTC.
    """

    staging_days: int = 30
    data_factory: bool = False
    pipeline_hour: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTrigger:
    """What calls a function of the platform: a queue, a topic, a schedule, or other functions with requests.

    From a queue or topic it gets `batch` messages at most at once, in `max_concurrency` calls at most, and from a topic
    those that the `filter` takes. `schedule` has five fields (minute, hour, day of month, month, day of week).
    """

    queue: str = ""
    topic: str = ""
    schedule: str = ""
    http: bool = False
    batch: int = DEFAULT_BATCH_SIZE
    max_concurrency: int | None = None
    filter: MessageFilter = ALL_MESSAGES
    time_zone: str = UTC_ZONE


DEFAULT_TRIGGERS: Mapping[str, Mapping[str, str]] = {
    "orders-worker": {"queue": "orders-queue"},
    "events-subscriber": {"topic": "events-topic"},
    "notifications-sender": {"topic": "notifications-topic"},
    "thirdparty-sync": {"queue": "thirdparty-queue"},
    "scheduled-sync": {"schedule": "0 3 * * *"},
    "etl-processor": {"queue": ETL_QUEUE},
}
"""The functions of the platform where a configuration names none, each with its trigger as a configuration has it.

They run the bundled worker.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """What is deployed of the platform: the `layers` of the component, and their settings.

    `environment` has the defaults of the environment with what the configuration says in their place.
    """

    layers: tuple[str, ...]
    environment: EnvironmentSettings
    messaging: MessagingSettings
    database: DatabaseSettings
    etl: EtlSettings
    services: ServicesSettings = field(default_factory=ServicesSettings)
    site: SiteSettings = field(default_factory=SiteSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)

    @property
    def has_gateway(self) -> bool:
        """Whether there is a gateway: it is not turned off, and has something to lead to."""
        return "gateway" in self.layers and bool(self.gateway.apis)

    def is_behind_gateway(self, service: str) -> bool:
        """Whether the gateway calls a service."""
        return self.has_gateway and any(api.service == service for api in self.gateway.apis.values())

    def find_function_layer(self, trigger: FunctionTrigger | None) -> str:
        """Return the layer of a function with this trigger; none where functions are turned off.

        That of the data pipeline has those of its queue, and alone it has all.
        """
        if not self.environment.features.enable_functions:
            return ""
        is_job = trigger is not None and trigger.queue == ETL_QUEUE
        return "etl" if "etl" in self.layers and (is_job or "functions" not in self.layers) else "functions"


LAYER_FLAGS: Mapping[str, tuple[str, ...]] = {
    "database": ("enable_sql_database", "enable_redis_cache", "enable_cosmos_db"),
    "messaging": ("enable_service_bus",),
    "functions": ("enable_functions",),
    "services": ("enable_container_apps",),
    "gateway": ("enable_api_management",),
}
"""The flags of the layers that have some; with all of them off a layer has no resources."""


def is_layer_enabled(layer: str, features: FeatureFlags) -> bool:
    """Whether a layer has resources by the flags of its environment."""
    flags = LAYER_FLAGS.get(layer, ())
    return not flags or any(getattr(features, flag) for flag in flags)


STORAGE_LAYER = "storage"
"""The layer with the tables and buckets of a component, where it has some; no type of components of its own."""
SITE_LAYER = "site"
SERVICES_LAYER = "services"
_BEFORE_STORAGE = LAYER_TYPES[: LAYER_TYPES.index("messaging")]
_LAYER_ORDER = (*_BEFORE_STORAGE, STORAGE_LAYER, *LAYER_TYPES[len(_BEFORE_STORAGE) :])


def find_layers(
    component_type: str,
    features: FeatureFlags,
    *,
    has_messaging: bool = False,
    has_stores: bool = False,
    has_site: bool = False,
) -> tuple[str, ...]:
    """Return the layers of a component in their order of deployment, without those that are turned off.

    Functions and services that have queues or topics of their own `has_messaging` too; the data pipeline has a queue.
    Services lie in a network. Without files for a site a platform has none.
    """
    named: tuple[str, ...]
    if component_type == "etl" or (component_type == "functions" and has_messaging):
        named = ("messaging", component_type)
    elif component_type == "services":
        has_services = is_layer_enabled(component_type, features)
        named = ("network", *(("messaging",) if has_messaging else ()), component_type) if has_services else ()
    else:
        named = LAYER_TYPES if component_type == PLATFORM_TYPE else (component_type,)
    known = {*named, STORAGE_LAYER} if has_stores else {*named}
    known -= set() if has_site else {SITE_LAYER}
    return tuple(layer for layer in _LAYER_ORDER if layer in known and is_layer_enabled(layer, features))
