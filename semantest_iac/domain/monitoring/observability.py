"""The logs, traces, alarms and dashboard that the layers of a platform share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWorkspace(Resource):
    """The common log of a stack, retained for `retention_days`; `keep` retains it after a destroy.

    Above `daily_quota_gb` (None: no limit) no more logs are taken until the next day.
    """

    retention_days: int
    daily_quota_gb: float | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStore(Resource):
    """The traces of requests through the functions of a stack, stored with its logs.

    A function may use it as its log store. `sampling_percent` of the requests are traced.
    """

    workspace: Ref
    sampling_percent: float = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticLogs(Resource):
    """Sends the logs and metrics that resources write about themselves to a workspace."""

    workspace: Ref
    sources: tuple[Ref, ...]


class PlatformSignal(StrEnum):
    """A metric of a resource, with the unit of its threshold."""

    LOG_VOLUME = "log_volume"  # gigabytes (10^9 bytes) a day
    WAITING_MESSAGES = "waiting_messages"  # messages at once
    DEAD_LETTERS = "dead_letters"  # messages at once
    DATABASE_LOAD = "database_load"  # percent of the processors
    SERVICE_ERRORS = "service_errors"  # 5xx answers of a service
    SERVICE_LOAD = "service_load"  # percent of the processors of its instances
    FAILED_INSTANCES = "failed_instances"  # of a service, at once
    BALANCER_ERRORS = "balancer_errors"  # 5xx answers of the load balancer itself
    FAILED_PIPELINES = "failed_pipelines"  # runs of a pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyingAlarm(Resource):
    """Notifies `channel`; each kind of alarm says when."""

    channel: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAlarm(NotifyingAlarm):
    """Notifies its channel when a metric of one resource reaches its threshold and when it no longer does."""

    signal: PlatformSignal
    watched: Ref
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyAlarm(NotifyingAlarm):
    """Notifies its channel when functions fail or write as they never did; the cloud learns what is usual."""

    workspace: Ref
    traces: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard(Resource):
    """Shows the logs of a workspace and the metrics of alarms, each with its threshold."""

    title: str
    workspace: Ref
    alarms: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery(Resource):
    """A query for the newest errors in a workspace, which people find under its title and run."""

    title: str
    workspace: Ref
    rows: int = 100
