"""Examples of the common log, traces, alarms on resources and the dashboard."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.monitoring.observability import (
    AnomalyAlarm,
    Dashboard,
    DiagnosticLogs,
    LogWorkspace,
    PlatformAlarm,
    PlatformSignal,
    SavedQuery,
    TraceStore,
)
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.containers import CONTAINER_SERVICE, SERVING
from tests.kind_examples.example import KindExample
from tests.kind_examples.messages import BROKER_EXAMPLE, QUEUE_EXAMPLE
from tests.kind_examples.security import SECRET_VAULT

_WORKSPACE = LogWorkspace(name=Ref("workspace"), retention_days=60, daily_quota_gb=5)
_TRACES = TraceStore(name=Ref("traces"), workspace=Ref("workspace"), sampling_percent=50)
_DIAGNOSTICS = DiagnosticLogs(name=Ref("diagnostics"), workspace=Ref("workspace"), sources=(Ref("vault"),))
_ALARM = PlatformAlarm(
    name=Ref("alarm-log-volume"),
    signal=PlatformSignal.LOG_VOLUME,
    watched=Ref("workspace"),
    threshold=4,
    channel=shared.ALERTS,
)
_DEAD_LETTERS = replace(
    _ALARM,
    name=Ref("alarm-dead-letters"),
    signal=PlatformSignal.DEAD_LETTERS,
    watched=Ref(QUEUE_EXAMPLE.name),
    threshold=1,
)
_SERVICE_ERRORS = replace(
    _ALARM,
    name=Ref("alarm-service-errors"),
    signal=PlatformSignal.SERVICE_ERRORS,
    watched=Ref(CONTAINER_SERVICE.name),
    threshold=5,
)
_DASHBOARD = Dashboard(
    name=Ref("dashboard"), title="Semantest", workspace=Ref("workspace"), alarms=(Ref("alarm-log-volume"),)
)
_ANOMALIES = AnomalyAlarm(
    name=Ref("alarm-anomalies"), workspace=Ref("workspace"), traces=Ref("traces"), channel=shared.ALERTS
)
_QUERY = SavedQuery(name=Ref("query"), title="errors", workspace=Ref("workspace"))

OBSERVABILITY_EXAMPLES = (
    KindExample(
        resource=_QUERY,
        changed=replace(_QUERY, rows=50),
        change=("update",),
        needs=(_WORKSPACE,),
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_WORKSPACE,
        changed=replace(_WORKSPACE, retention_days=90),
        change=("update",),
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_TRACES,
        changed=replace(_TRACES, sampling_percent=10),
        change=("update",),
        needs=(_WORKSPACE,),
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_DIAGNOSTICS,
        changed=replace(_DIAGNOSTICS, sources=()),
        change=("delete",),
        changes={"aws": ()},
        needs=(_WORKSPACE, SECRET_VAULT),
    ),
    KindExample(
        resource=_ALARM,
        changed=replace(_ALARM, threshold=3),
        change=("update",),
        needs=(_WORKSPACE, shared.NOTIFICATION_CHANNEL),
        outputs=("id", "name"),
        unpriced=("azure",),
    ),
    KindExample(
        resource=_ANOMALIES,
        changed=replace(_ANOMALIES, channel=Ref("others")),
        change=("update",),
        needs=(_WORKSPACE, _TRACES, shared.NOTIFICATION_CHANNEL, replace(shared.NOTIFICATION_CHANNEL, name="others")),
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_DEAD_LETTERS,
        changed=replace(_DEAD_LETTERS, threshold=5),
        change=("update",),
        needs=(BROKER_EXAMPLE, QUEUE_EXAMPLE, shared.NOTIFICATION_CHANNEL),
        label="of dead letters",
    ),
    KindExample(
        resource=_SERVICE_ERRORS,
        changed=replace(_SERVICE_ERRORS, threshold=7),
        change=("update",),
        needs=(*SERVING, CONTAINER_SERVICE, shared.NOTIFICATION_CHANNEL),
        label="of a service",
    ),
    KindExample(
        resource=_DASHBOARD,
        changed=replace(_DASHBOARD, alarms=()),
        change=("update",),
        needs=(_WORKSPACE, shared.NOTIFICATION_CHANNEL, _ALARM),
        outputs=("id", "name"),
    ),
)
