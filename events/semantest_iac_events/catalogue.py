"""Every published event by its event type; forms, schemas and tests use this list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from semantest_iac_events import deployments, infrastructure, triggers
from semantest_iac_events.event import Event

PUBLISHED_EVENTS: tuple[type[Event], ...] = (
    deployments.DeploymentRequested,
    deployments.DeploymentStarted,
    deployments.DeploymentPlanned,
    deployments.TrafficShifted,
    deployments.DeploymentCompleted,
    deployments.DeploymentFailed,
    deployments.DeploymentRolledBack,
    deployments.DeploymentCancelled,
    deployments.DeploymentSuperseded,
    deployments.DeploymentRejected,
    deployments.DeploymentNeedsOperator,
    deployments.DeploymentResolved,
    deployments.ApprovalRequested,
    deployments.DeploymentApproved,
    deployments.DeploymentDisapproved,
    infrastructure.FunctionDeployed,
    infrastructure.HttpApiDeployed,
    infrastructure.WebSocketApiDeployed,
    infrastructure.ContainerServiceDeployed,
    infrastructure.InfrastructureUpdated,
    infrastructure.InfrastructureUpdateFailed,
    infrastructure.InfrastructureRemovalRequested,
    infrastructure.InfrastructureRemoved,
    infrastructure.InfrastructureRemovalFailed,
    infrastructure.RollbackRequested,
    infrastructure.ScalingTriggered,
    infrastructure.DriftDetected,
    infrastructure.SecretChanged,
    infrastructure.EnvironmentConfigured,
    triggers.ServiceDeploymentNeeded,
)

EVENT_TYPES: Mapping[str, type[Event]] = MappingProxyType({event.type_name: event for event in PUBLISHED_EVENTS})
