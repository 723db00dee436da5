"""The sections of the configuration file about the platform: of an environment, and of a layer's component."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.environment_settings import SUBNETS
from semantest_iac.domain.environments.section_types import FUNCTION_NAME, ListOf, Section


class PlatformNetworkSection(Section):
    """The network of the platform in an environment."""

    cidr: str | None = Field(default=None, description="Addresses of the network, such as 10.0.0.0/16.")
    subnets: dict[str, str] = Field(
        default={},
        description="Addresses of subnets by name, such as app: 10.0.1.0/24; the first /24 of the network by default.",
        json_schema_extra={"propertyNames": {"enum": [*SUBNETS]}},
    )
    ddos_protection: bool | None = Field(default=None, description="A plan against denial of service.")
    firewall: bool | None = Field(default=None, description="A firewall that outgoing traffic passes.")
    bastion: bool | None = Field(default=None, description="A host through which people reach private machines.")
    nat_gateway: bool | None = Field(default=None, description="A fixed address for outgoing traffic.")
    ddos_plan_id: str | None = Field(default=None, description="A plan that is managed elsewhere, by its id.")
    accept_ddos_commitment: bool | None = Field(
        default=None, description="Agree to a subscription of the whole account for a year, where a plan is one."
    )
    allowed_hosts: ListOf[str] | None = Field(
        default=None, description="Hosts to which the firewall lets HTTPS out, such as *.example.org; all by default."
    )


class SecuritySection(Section):
    """The vault of the platform, and whether its services are private."""

    soft_delete_days: int | None = Field(default=None, description="Days that what was deleted can be restored.")
    purge_protection: bool | None = Field(default=None, description="Nobody may delete secrets for good before that.")
    private_endpoints: bool | None = Field(
        default=None, description="Reach databases, messaging, storage and secrets through the network alone."
    )


class TiersSection(Section):
    """What the parts of the platform may cost."""

    api_management: Tier | None = Field(default=None, description="Tier of what receives requests from outside.")
    container_apps: Tier | None = Field(default=None, description="Tier of microservices.")
    functions: Tier | None = Field(default=None, description="Tier of functions.")
    sql_database: Tier | None = Field(default=None, description="Tier of the SQL database.")
    service_bus: Tier | None = Field(default=None, description="Tier of messaging.")


class DeliverySection(Section):
    """How messages are delivered to those who receive them."""

    max_deliveries: int | None = Field(
        default=None, description="Tries after which a message goes to the dead letters, 1 to 1000; 10 by default."
    )
    lock_s: int | None = Field(
        default=None, description="Seconds for which a message that somebody works on is hidden, 5 to 43200."
    )
    retention_days: int | None = Field(default=None, description="Days that messages are kept, 1 to 14.")


class QueueSection(DeliverySection):
    """A queue."""

    lock_s: int | None = Field(
        default=None,
        description="Seconds for which a message that somebody works on is hidden, 5 to 43200; "
        "six times the timeout of the function that it calls by default.",
    )
    ordered: bool | None = Field(
        default=None, description="Messages of one group are handled in the order in which they were sent."
    )
    rejects_duplicates: bool | None = Field(
        default=None, description="A message with the id of one of the last five minutes is dropped."
    )


def _freeze_lists(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {key: _freeze_lists(one) for key, one in value.items()} if isinstance(value, dict) else value


_AttributeValue = str | int | float
_Condition = dict[str, _AttributeValue | bool | list[_AttributeValue]]
FilterSection = dict[
    str,
    Annotated[
        Any,
        BeforeValidator(_freeze_lists, json_schema_input_type=_AttributeValue | list[_AttributeValue] | _Condition),
    ],
]
"""The filter as it is written; `find_filter_faults` says what is wrong with one."""
FILTER_DESCRIPTION = (
    "Attributes of messages, each with a value, a list of values, or one of prefix, not, exists, and min and max; "
    "every message without."
)


class TopicSubscriptionSection(DeliverySection):
    """A subscription of a topic."""

    filter: FilterSection = Field(default={}, description=FILTER_DESCRIPTION)


def _as_mapping(value: Any) -> Any:
    return {} if value is None else value


class TopicSection(Section):
    """A topic."""

    subscriptions: dict[
        str,
        Annotated[
            TopicSubscriptionSection,
            BeforeValidator(_as_mapping, json_schema_input_type=TopicSubscriptionSection | None),
        ],
    ] = Field(
        default={},
        description="Subscriptions by name.",
        json_schema_extra={"propertyNames": {"pattern": f"^{FUNCTION_NAME.pattern}$"}},
    )
    ordered: bool | None = Field(
        default=None, description="Messages of one group are handled in the order in which they were sent."
    )
    rejects_duplicates: bool | None = Field(
        default=None, description="A message with the id of one of the last five minutes is dropped."
    )


class DatabaseSection(Section):
    """The database layer."""

    names: ListOf[str] | None = Field(default=None, description="Names of SQL databases; semantest by default.")
    backup_days: int | None = Field(default=None, description="Days to any moment of which they can be restored.")
    high_availability: bool | None = Field(default=None, description="A second zone takes over where one fails.")


class EtlSection(Section):
    """The data pipeline."""

    staging_days: int | None = Field(default=None, description="Days that files stay in staging; 30 by default.")
    pipeline_hour: int | None = Field(
        default=None, description="Hour of the day (UTC) at which the data factory runs; 2 by default."
    )


class TriggerSection(Section):
    """What calls a function of the platform: one of queue, topic, schedule and http."""

    queue: str | None = Field(default=None, description="A queue whose messages it gets.")
    topic: str | None = Field(default=None, description="A topic whose messages it gets, by a subscription of its own.")
    schedule: str | None = Field(default=None, description="When it is called, in five fields of cron: 0 3 * * *.")
    time_zone: str | None = Field(
        default=None, description="Time zone of the schedule such as Europe/Berlin; UTC by default."
    )
    batch: int | None = Field(default=None, description="Messages that a call gets at most, 1 to 1000; 10 by default.")
    max_concurrency: int | None = Field(
        default=None, description="Calls with messages that run at once at most, 2 to 1000."
    )
    filter: FilterSection = Field(default={}, description=f"Of a topic. {FILTER_DESCRIPTION}")
    http: Literal["internal"] | None = Field(
        default=None, description="Requests of functions of the component that name it in calls."
    )


Queues = dict[str, Annotated[QueueSection, BeforeValidator(_as_mapping, json_schema_input_type=QueueSection | None)]]
Topics = dict[str, Annotated[TopicSection, BeforeValidator(_as_mapping, json_schema_input_type=TopicSection | None)]]


class ResourcesSection(Section):
    """What belongs to an API, and every function of it may use."""

    queues: Queues = Field(default={}, description="Queues by name, which the functions send to.")
    topics: Topics = Field(default={}, description="Topics by name, which the functions send to.")
    tables: ListOf[str] = Field(default=(), description="Names of tables, whose items the functions read and write.")
    buckets: ListOf[str] = Field(
        default=(), description="Names of buckets, whose objects the functions read and write."
    )
