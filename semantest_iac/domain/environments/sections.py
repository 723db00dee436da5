"""The sections of the configuration file as pydantic models; they check shape only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from semantest_iac.domain.environments.names import COMPONENT_TYPES
from semantest_iac.domain.environments.platform.gateway_sections import GatewaySection
from semantest_iac.domain.environments.platform.layer_sections import (
    DatabaseSection,
    EtlSection,
    PlatformNetworkSection,
    Queues,
    ResourcesSection,
    SecuritySection,
    TiersSection,
    Topics,
    TriggerSection,
)
from semantest_iac.domain.environments.platform.service_sections import ServiceSection
from semantest_iac.domain.environments.platform.site_sections import SiteSection
from semantest_iac.domain.environments.section_types import (
    FUNCTION_NAME,
    AuthorizerSection,
    Commands,
    CorsSection,
    ListOf,
    Methods,
    Section,
    Variable,
    as_text,
)

AlertType = Literal["error_rate", "latency", "server_errors", "throttles", "concurrency"]
ApprovalNeed = Literal["never", "destructive", "always"]


PayloadFormat = Annotated[
    Literal["1.0", "2.0"] | None,
    BeforeValidator(as_text, json_schema_input_type=Literal["1.0", "2.0"] | float | None),
]


class PackageSection(Section):
    """What of the source is packaged, and what installers of dependencies receive."""

    exclude: ListOf[str] = Field(default=(), description="Paths or patterns of the source that are left out.")
    include: ListOf[str] = Field(
        default=(), description="Paths that are packaged although they are left out by default."
    )
    pass_environment: ListOf[str] = Field(
        default=(), description="Names of variables of this machine that installers of dependencies receive."
    )


class InstancesSection(Section):
    """How many instances are kept warm and may run at once."""

    min: int | None = Field(default=None, description="Instances kept warm (provisioned concurrency); 0 for none.")
    max: int | None = Field(default=None, description="Most instances at once (reserved concurrency).")


class ScalingBoundsSection(Section):
    """What requests to scale may ask for."""

    min: int | None = Field(default=None, description="The fewest instances that a request to scale may keep warm.")
    max: int | None = Field(default=None, description="The most instances that a request to scale may ask for.")
    cooldown_s: int | None = Field(
        default=None, description="Seconds from one scaling to the next that an event requests; 300 by default."
    )


class NetworkSection(Section):
    """Private networking of the function."""

    private: bool | None = Field(default=None, description="Run inside a private network.")
    cidr: str | None = Field(default=None, description="Addresses of the new network, such as 10.10.0.0/16.")
    subnet_ids: ListOf[str] | None = Field(default=None, description="Existing subnets instead of a new network.")
    security_group_ids: ListOf[str] | None = Field(default=None, description="Existing security groups.")


class RouteSection(Section):
    """One path of the API."""

    path: str = Field(description="Path such as /api/items/{id} or /{proxy+}.")
    methods: Methods = Field(default=("ANY",), description="HTTP methods, a list or one word.")
    public: bool = Field(default=False, description="Reachable without the authorizer.")
    function: str | None = Field(default=None, description="The function of `functions` that answers.")
    handler: str | None = Field(
        default=None, description="A handler such as todos/create.handler, which is a function of its own."
    )


class FunctionSection(Section):
    """One of several functions behind the API; what is not set is as in the component."""

    handler: str | None = Field(default=None, description="Function handler such as todos/create.handler.")
    app: str | None = Field(default=None, description="ASGI or WSGI application such as main:app, in its place.")
    runtime: str | None = Field(default=None, description="Function runtime such as nodejs24.x.")
    payload: PayloadFormat = Field(default=None, description="Format of the events that the handler receives.")
    memory: int | None = Field(default=None, description="Memory in MB, 128 to 10240.")
    timeout: int | None = Field(default=None, description="Seconds; an HTTP API ends requests after 29.")
    environment: dict[str, Variable] = Field(
        default={}, description="Variables besides those of the component; ${secrets.name} for a secret."
    )
    trigger: TriggerSection | None = Field(
        default=None, description="What calls it: a function of the platform has one, one of an API has routes."
    )
    sends_to: ListOf[str] | None = Field(
        default=None, description="Queues and topics of the component that a function of the platform sends to."
    )
    calls: ListOf[str] | None = Field(
        default=None, description="Functions of the component with the trigger http that it may call."
    )
    tables: ListOf[str] | None = Field(
        default=None, description="Tables of the component whose items a function of the platform reads and writes."
    )
    buckets: ListOf[str] | None = Field(
        default=None, description="Buckets of the component whose objects a function of the platform reads and writes."
    )
    outbound: Literal["nat"] | None = Field(
        default=None, description="Outgoing connections have the fixed address of the platform's NAT gateway."
    )


class ThrottlingSection(Section):
    """Limits of the whole API."""

    rate: float | None = Field(default=None, description="Requests per second.")
    burst: int | None = Field(default=None, description="Requests at once.")


def _expand_health(value: Any) -> Any:
    return {"enabled": False} if value == "none" else value


class HealthSection(Section):
    """How the service is checked after a deployment; `none` for no check."""

    enabled: bool | None = Field(default=None, description="false for no check, as `health: none`.")
    path: str | None = Field(default=None, description="Path that is asked with GET; /health by default.")
    status: int | None = Field(default=None, description="Expected status, 200 to 599; any 2xx by default.")
    timeout_s: int | None = Field(default=None, description="Seconds until the service must be healthy, 1 to 600.")


def _expand_canary(value: Any) -> Any:
    """Read `none` as no steps, and a share or a list of them as the steps."""
    if value == "none":
        return {"steps": ()}
    return {"steps": value} if isinstance(value, str | int | list) and not isinstance(value, bool) else value


def _as_shares(value: Any) -> Any:
    """Read `10%` and `10%,50%` as lists of numbers."""
    words = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value
    return tuple(map(_as_share, words)) if isinstance(words, list | tuple) else words


def _as_share(value: Any) -> Any:
    digits = value.strip().removesuffix("%").strip() if isinstance(value, str) else ""
    return int(digits) if digits.isascii() and digits.isdecimal() else value


Shares = Annotated[tuple[int, ...], BeforeValidator(_as_shares, json_schema_input_type=list[int | str] | int | str)]


class CanarySection(Section):
    """How a new version takes over the traffic step by step; `none` for all of it at once."""

    steps: Shares | None = Field(default=None, description="Shares of the traffic in percent, such as 10% or [10, 50].")
    bake_s: int | None = Field(default=None, description="Seconds that each share is watched; 300 by default.")
    max_error_rate: float | None = Field(
        default=None, description="Failed share of the requests above which it is returned, 0 to 1; 0.01 by default."
    )
    max_latency_ms: float | None = Field(
        default=None, description="Milliseconds that the slowest twentieth may take; unset for any."
    )
    min_requests: int | None = Field(default=None, description="Requests from which it is judged; 20 by default.")


class ComponentSection(Section):
    """One component."""

    type: str | None = Field(
        default=None,
        description="What the component is; a component named like a type needs none.",
        json_schema_extra={"enum": [*COMPONENT_TYPES, None]},
    )
    source: str | None = Field(default=None, description="Folder or zip with the code; unset for the bundled service.")
    entry: str | None = Field(default=None, description="File that starts the server, relative to the source.")
    handler: str | None = Field(default=None, description="Function handler such as index.handler.")
    app: str | None = Field(default=None, description="ASGI or WSGI application in Python such as main:app.")
    runtime: str | None = Field(default=None, description="Function runtime such as nodejs24.x.")
    build: Commands = Field(
        default=(), description="Command, or list of commands, that builds the source in a private copy of it."
    )
    payload: PayloadFormat = Field(
        default=None, description="Format of the events that a handler receives; 2.0 by default."
    )
    package: PackageSection = PackageSection()
    memory: int | None = Field(default=None, description="Memory in MB, 128 to 10240.")
    timeout: int | None = Field(default=None, description="Seconds; an HTTP API ends requests after 29.")
    instances: InstancesSection = InstancesSection()
    scaling: ScalingBoundsSection = Field(
        default=ScalingBoundsSection(), description="What requests to scale it may ask for, in place of `scaling`."
    )
    environment: dict[str, Variable] = Field(default={}, description="Variables; ${secrets.name} for a secret.")
    tags: dict[str, Variable] = Field(default={}, description="Tags of the component's resources, besides the others.")
    network: NetworkSection = NetworkSection()
    functions: dict[str, FunctionSection] = Field(
        default={},
        description="Functions by name, to which routes refer.",
        json_schema_extra={"propertyNames": {"pattern": f"^{FUNCTION_NAME.pattern}$"}},
    )
    routes: ListOf[RouteSection] | None = Field(default=None, description="Routes of the API; all by default.")
    cors: CorsSection | None = Field(default=None, description="Browser origins; unset for those of the environment.")
    throttling: ThrottlingSection = ThrottlingSection()
    domain: str | None = Field(
        default=None, description="Domain of one's own for the API, such as api.example.com, besides its own address."
    )
    dns_zone: str | None = Field(
        default=None, description="Zone of the domain, such as example.com, which the stack makes for its records."
    )
    authorizer: AuthorizerSection | None = Field(default=None, description="JSON web token check before the function.")
    health: Annotated[
        HealthSection | None,
        BeforeValidator(_expand_health, json_schema_input_type=HealthSection | Literal["none"] | None),
    ] = Field(default=None, description="How the service is checked after a deployment; none for no check.")
    canary: Annotated[
        CanarySection | None,
        BeforeValidator(_expand_canary, json_schema_input_type=CanarySection | list[int | str] | int | str | None),
    ] = Field(default=None, description="How a new version takes over the traffic: at once, or by shares such as 10%.")
    resources: ResourcesSection | None = Field(
        default=None,
        description="What belongs to an API, for its functions: queues, topics, tables and buckets.",
    )
    queues: Queues | None = Field(default=None, description="Queues by name; those of the plan by default.")
    topics: Topics | None = Field(default=None, description="Topics by name; those of the plan by default.")
    tables: ListOf[str] | None = Field(
        default=None, description="Names of tables, which functions of the platform name in turn."
    )
    buckets: ListOf[str] | None = Field(
        default=None, description="Names of buckets, which functions of the platform name in turn."
    )
    database: DatabaseSection | None = Field(default=None, description="The databases of the platform.")
    etl: EtlSection | None = Field(default=None, description="The data pipeline of the platform.")
    services: dict[str, ServiceSection] | None = Field(
        default=None,
        description="Services that run containers, by name.",
        json_schema_extra={"propertyNames": {"pattern": f"^{FUNCTION_NAME.pattern}$"}},
    )
    gateway: GatewaySection | None = Field(default=None, description="The gateway in front of the services.")
    site: SiteSection | None = Field(default=None, description="The static site of the platform.")


class AlertSection(Section):
    """One alarm."""

    type: AlertType = Field(description="What is watched.")
    threshold: float = Field(description="error_rate 0 to 1, latency in ms, the others as counts.")


class MonitoringSection(Section):
    """Alarms and logs."""

    enabled: bool | None = Field(default=None, description="Create alarms.")
    alerts: ListOf[AlertSection] | None = Field(default=None, description="Exactly these alarms; unset for all kinds.")
    notify: ListOf[str] | None = Field(default=None, description="E-mail addresses that are notified.")
    log_retention_days: int | None = Field(default=None, description="Days that logs are kept.")
    daily_quota_gb: int | None = Field(
        default=None, description="GB of logs that the platform takes on a day; 0 for any number."
    )


class MetricSection(Section):
    """One scaling target; functions have none, containers do."""

    type: Literal["cpu", "memory"] = Field(description="What is measured.")
    target: float = Field(description="Target in percent.")


class ScalingSection(ScalingBoundsSection):
    """How the number of instances follows the load, and what requests to scale may ask for."""

    auto_scale: bool | None = Field(default=None, description="false keeps `instances.min` instances, at least one.")
    metrics: ListOf[MetricSection] | None = Field(default=None, description="Targets.")


class DeadlinesSection(Section):
    """How long the steps of a deployment may take in seconds, all tries included."""

    build_s: int | None = Field(default=None, description="Build the package; 1800 by default.")
    preview_s: int | None = Field(default=None, description="Plan the changes; 600 by default.")
    apply_s: int | None = Field(default=None, description="Apply the plan; 3600 by default.")
    publish_s: int | None = Field(default=None, description="Publish the code; 900 by default.")
    remove_s: int | None = Field(default=None, description="Delete the resources of a destroy; 3600 by default.")
    rollback_s: int | None = Field(default=None, description="Go back after a failure; 900 by default.")


def _as_need(value: Any) -> Any:
    return {True: "always", False: "never"}[value] if isinstance(value, bool) else value


class ApprovalsSection(Section):
    """Which plans wait for a person before they are carried out, and for whom."""

    required: Annotated[
        ApprovalNeed | None, BeforeValidator(_as_need, json_schema_input_type=bool | ApprovalNeed | None)
    ] = Field(
        default=None,
        description="Which plans: always (or true), destructive for those that replace or delete; never by default.",
    )
    approvers: ListOf[str] | None = Field(
        default=None, description="Names of those who may approve; anybody by default."
    )
    expires_after: str | None = Field(
        default=None,
        description="For how long a plan waits, such as 12h or 7d, which is the default; then it is rejected.",
        json_schema_extra={"pattern": "^[0-9]{1,6}[smhd]$"},
    )
    four_eyes: bool | None = Field(
        default=None, description="true: whoever requested a deployment may not approve it; false by default."
    )


class FeaturesSection(Section):
    """Feature flags; unset ones follow the environment."""

    tracing: bool | None = Field(default=None, description="Trace requests through the function.")
    access_logs: bool | None = Field(
        default=None, description="Log every request at the API; for a WebSocket API only if set to true here."
    )
    enable_container_apps: bool | None = Field(default=None, description="Microservices of the platform.")
    enable_functions: bool | None = Field(default=None, description="Functions of the platform.")
    enable_service_bus: bool | None = Field(default=None, description="Queues and topics of the platform.")
    enable_sql_database: bool | None = Field(default=None, description="The SQL database of the platform.")
    enable_api_management: bool | None = Field(default=None, description="What receives requests from outside.")
    enable_dapr: bool | None = Field(default=None, description="Dapr beside microservices, where the cloud has it.")
    enable_cdn: bool | None = Field(default=None, description="Content delivery of the platform.")
    enable_data_factory: bool | None = Field(default=None, description="A data factory in the pipeline.")
    enable_redis_cache: bool | None = Field(default=None, description="A cache beside the database.")
    enable_cosmos_db: bool | None = Field(default=None, description="A document database beside the database.")


class StateSection(Section):
    """Where the Pulumi engine keeps the state of real clouds, and what encrypts the secrets in it."""

    backend: str | None = Field(
        default=None,
        description="s3://…, azblob://…, file:///…, or https://… of Pulumi Cloud; a folder of the home by default.",
    )
    secrets_provider: str | None = Field(
        default=None,
        description="passphrase, awskms://… or azurekeyvault://…, for stacks that are created; passphrase by default.",
    )


class EnvironmentDefaults(Section):
    """What the settings of an environment are, in place of the built-in ones."""

    monitoring: MonitoringSection = MonitoringSection()
    features: FeaturesSection = FeaturesSection()
    network: PlatformNetworkSection = Field(
        default=PlatformNetworkSection(), description="The network of the platform; APIs have one of their own."
    )
    security: SecuritySection = SecuritySection()
    tiers: TiersSection = TiersSection()
