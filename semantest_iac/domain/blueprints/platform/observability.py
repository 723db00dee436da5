"""The observability layer: one log for the stack, traces, alarms, and a dashboard that shows them.

It is built twice: `build_observability` what other layers write to, before them, and `watch_layers` what watches
them, when all are built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from semantest_iac.domain.blueprints.platform.layer import TRACES_REF, Layer, LayerContext
from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue
from semantest_iac.domain.monitoring.observability import (
    AnomalyAlarm,
    Dashboard,
    DiagnosticLogs,
    LogWorkspace,
    NotifyingAlarm,
    PlatformAlarm,
    PlatformSignal,
    SavedQuery,
    TraceStore,
)
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, SqlDatabase
from semantest_iac.domain.storage.object_stores import ObjectStore

WORKSPACE_REF, DIAGNOSTICS_REF = Ref("workspace"), Ref("diagnostics")
NOTIFICATIONS_REF, DASHBOARD_REF, VOLUME_ALARM_REF = Ref("notifications"), Ref("dashboard"), Ref("alarm-log-volume")
ERRORS_REF = Ref("errors-query")
_QUOTA_SHARE = 0.8  # of the daily quota of logs, from which on people hear of it
_SAMPLED_PERCENT, _SAMPLED_PERCENT_IN_PRODUCTION = 100, 20

WRITES_DIAGNOSTICS: tuple[type[Resource], ...] = (
    *(SecretVault, MessageBroker, VirtualNetwork),
    *(SqlDatabase, DocumentDatabase, ObjectStore, DataPipeline, ContainerService),
)
"""The kinds whose resources write logs or metrics about themselves, where the cloud does not collect them anyway."""
WATCHED_SIGNALS: Mapping[type[Resource], tuple[tuple[PlatformSignal, float], ...]] = {
    SqlDatabase: ((PlatformSignal.DATABASE_LOAD, 80),),
    MessageQueue: ((PlatformSignal.DEAD_LETTERS, 1), (PlatformSignal.WAITING_MESSAGES, 1000)),
    ContainerService: (
        (PlatformSignal.FAILED_INSTANCES, 1),
        (PlatformSignal.SERVICE_ERRORS, 5),
        (PlatformSignal.SERVICE_LOAD, 80),
    ),
    LoadBalancer: ((PlatformSignal.BALANCER_ERRORS, 5),),
    DataPipeline: ((PlatformSignal.FAILED_PIPELINES, 1),),
}
"""By kind, the signals of every resource that have an alarm, each with its threshold."""


def build_observability(context: LayerContext) -> Layer:
    """Build the log, the traces, and the right of every identity to send some."""
    return Layer(
        (*_build_stores(context), *_assign_senders(context)),
        {"observability_workspace": (WORKSPACE_REF, "name"), "observability_traces": (TRACES_REF, "id")},
    )


def _build_stores(context: LayerContext) -> Iterator[Resource]:
    monitoring, is_production = context.settings.monitoring, context.settings.is_production
    yield LogWorkspace(
        name=WORKSPACE_REF,
        retention_days=monitoring.log_retention_days,
        daily_quota_gb=monitoring.daily_quota_gb,
        keep=is_production,
    )
    sampled = _SAMPLED_PERCENT_IN_PRODUCTION if is_production else _SAMPLED_PERCENT
    yield TraceStore(name=TRACES_REF, workspace=WORKSPACE_REF, sampling_percent=sampled)
    yield SavedQuery(name=ERRORS_REF, title="errors", workspace=WORKSPACE_REF)


def _assign_senders(context: LayerContext) -> Iterator[Resource]:
    for identity in context.find_all(WorkloadIdentity):
        yield RoleAssignment(
            name=f"{identity.name.removeprefix('identity-')}-sends-telemetry",
            identity=Ref(identity.name),
            target=TRACES_REF,
            right=AccessRight.SEND_TELEMETRY,
        )


def watch_layers(layer: Layer, context: LayerContext) -> Layer:
    """Return the layer with diagnostics and alarms of what all layers have built, and the dashboard of the alarms."""
    monitoring = context.settings.monitoring
    sources = tuple(ref for kind in WRITES_DIAGNOSTICS for ref in context.find_refs(kind))
    diagnostics = [DiagnosticLogs(name=DIAGNOSTICS_REF, workspace=WORKSPACE_REF, sources=sources)] if sources else []
    if not monitoring.enabled:
        return replace(layer, resources=(*layer.resources, *diagnostics))
    alarms = tuple(_build_alarms(context))
    channel = [NotificationChannel(name=NOTIFICATIONS_REF, emails=monitoring.notify)] if alarms else []
    dashboard = Dashboard(
        name=DASHBOARD_REF,
        title=f"Semantest {context.stack.component} in {context.stack.environment}",
        workspace=WORKSPACE_REF,
        alarms=tuple(Ref(alarm.name) for alarm in alarms if isinstance(alarm, PlatformAlarm)),
    )
    return Layer(
        (*layer.resources, *diagnostics, *channel, *alarms, dashboard),
        {**layer.outputs, "observability_dashboard": (DASHBOARD_REF, "name")},
    )


def _build_alarms(context: LayerContext) -> Iterator[NotifyingAlarm]:
    yield AnomalyAlarm(name="alarm-anomalies", workspace=WORKSPACE_REF, traces=TRACES_REF, channel=NOTIFICATIONS_REF)
    quota = context.settings.monitoring.daily_quota_gb
    if quota is not None:
        yield _build_alarm(VOLUME_ALARM_REF, PlatformSignal.LOG_VOLUME, WORKSPACE_REF, quota * _QUOTA_SHARE)
    for kind, signals in WATCHED_SIGNALS.items():
        for watched in context.find_refs(kind):
            for signal, threshold in signals:
                name = Ref(f"alarm-{signal.value.replace('_', '-')}-{watched}")
                yield _build_alarm(name, signal, watched, threshold)


def _build_alarm(name: Ref, signal: PlatformSignal, watched: Ref, threshold: float) -> PlatformAlarm:
    return PlatformAlarm(name=name, signal=signal, watched=watched, threshold=threshold, channel=NOTIFICATIONS_REF)
