"""The sections of the configuration file: keys, types and words, with what is unset left unset."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Item = TypeVar("Item")
AlertType = Literal["error_rate", "latency", "server_errors", "throttles", "concurrency"]
CorsMethod = Literal["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Method = Literal["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Variable = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float | bool)]
ListOf = Annotated[tuple[Item, ...], BeforeValidator(_as_tuple)]


class Section(BaseModel):
    """A mapping of the file: unknown keys and wrong types are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class InstancesSection(Section):
    """How many instances are kept warm and may run at once."""

    min: int | None = Field(default=None, description="Instances kept warm (provisioned concurrency); 0 for none.")
    max: int | None = Field(default=None, description="Most instances at once (reserved concurrency).")


class NetworkSection(Section):
    """Private networking of the function."""

    private: bool | None = Field(default=None, description="Run inside a private network.")
    cidr: str | None = Field(default=None, description="Addresses of the network that is made, such as 10.10.0.0/16.")
    subnet_ids: ListOf[str] | None = Field(default=None, description="Existing subnets instead of a new network.")
    security_group_ids: ListOf[str] | None = Field(default=None, description="Existing security groups.")


class RouteSection(Section):
    """One path of the API."""

    path: str = Field(description="Path such as /api/items/{id} or /{proxy+}.")
    methods: ListOf[Method] = Field(default=("ANY",), description="HTTP methods.")
    public: bool = Field(default=False, description="Reachable without the authorizer.")


class CorsSection(Section):
    """Which browser origins may call the API."""

    origins: ListOf[str] = Field(description="Origins such as https://app.semantest.com; none for no CORS.")
    methods: ListOf[CorsMethod] | None = Field(default=None, description="Allowed methods.")
    headers: ListOf[str] | None = Field(default=None, description="Allowed request headers.")
    credentials: bool | None = Field(default=None, description="Allow cookies and authorization headers.")
    max_age: int | None = Field(default=None, description="Seconds that a browser may remember the answer.")


class ThrottlingSection(Section):
    """Limits of the whole API."""

    rate: float | None = Field(default=None, description="Requests per second.")
    burst: int | None = Field(default=None, description="Requests at once.")


class AuthorizerSection(Section):
    """Who signs the JSON web tokens."""

    issuer: str = Field(description="HTTPS address of the token issuer.")
    audience: ListOf[str] = Field(description="Accepted audiences.")
    header: str | None = Field(default=None, description="Header that carries the token; Authorization by default.")


class ComponentSection(Section):
    """One component."""

    source: str | None = Field(default=None, description="Folder or zip with the code; unset for the bundled service.")
    entry: str | None = Field(default=None, description="File that starts the server, relative to the source.")
    handler: str | None = Field(default=None, description="Function handler such as index.handler.")
    runtime: str | None = Field(default=None, description="Function runtime such as nodejs24.x.")
    memory: int | None = Field(default=None, description="Memory in MB, 128 to 10240.")
    timeout: int | None = Field(default=None, description="Seconds; an HTTP API ends requests after 29.")
    instances: InstancesSection = InstancesSection()
    environment: dict[str, Variable] = Field(default={}, description="Variables; ${secrets.name} for a secret.")
    network: NetworkSection = NetworkSection()
    routes: ListOf[RouteSection] | None = Field(default=None, description="Routes of the API; all by default.")
    cors: CorsSection | None = Field(default=None, description="Browser origins; unset for those of the environment.")
    throttling: ThrottlingSection = ThrottlingSection()
    authorizer: AuthorizerSection | None = Field(default=None, description="JSON web token check before the function.")


class AlertSection(Section):
    """One alarm."""

    type: AlertType = Field(description="What is watched.")
    threshold: float = Field(description="error_rate 0 to 1, latency in ms, the others as counts.")


class MonitoringSection(Section):
    """Alarms and logs."""

    enabled: bool | None = Field(default=None, description="Create alarms.")
    alerts: ListOf[AlertSection] | None = Field(default=None, description="Exactly these alarms; unset for all kinds.")
    notify: ListOf[str] | None = Field(default=None, description="E-mail addresses that are told.")
    log_retention_days: int | None = Field(default=None, description="Days that logs are kept.")


class MetricSection(Section):
    """One scaling target; functions have none, containers do."""

    type: Literal["cpu", "memory"] = Field(description="What is measured.")
    target: float = Field(description="Target in percent.")


class ScalingSection(Section):
    """How the number of instances follows the load."""

    auto_scale: bool | None = Field(default=None, description="false keeps `instances.min` instances, at least one.")
    metrics: ListOf[MetricSection] | None = Field(default=None, description="Targets.")


class FeaturesSection(Section):
    """Feature flags; unset ones follow the environment."""

    tracing: bool | None = Field(default=None, description="Trace requests through the function.")
    access_logs: bool | None = Field(
        default=None, description="Log every request at the API; for a WebSocket API only where this is written."
    )
