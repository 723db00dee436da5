"""The names that Semantest's own notes use exist, where they say what they are."""

from __future__ import annotations

from importlib import import_module

import pytest

_NAMES = {
    "semantest_iac.domain.environments.names": ("CloudProvider", "Environment", "Region"),
    "semantest_iac.domain.environments.runtimes": ("FunctionRuntime",),
    "semantest_iac.domain.environments.environment_settings": (
        *("EnvironmentSettings", "NetworkSettings", "SecuritySettings", "MonitoringSettings", "FeatureFlags"),
        "get_environment_settings",
    ),
    "semantest_iac.domain.environments.settings": ("Route",),
    "semantest_iac.domain.environments.configuration": ("DeploymentConfiguration",),
    "semantest_iac.domain.compute.functions": ("ServerlessFunction",),
    "semantest_iac.domain.compute.scaling": ("ScalingPolicy", "ScalingService"),
    "semantest_iac.domain.compute.containers": ("ContainerService",),
    "semantest_iac.domain.networking.apis": ("ApiEndpoint", "ApiGateway", "HttpApi", "WebSocketEndpoint"),
    "semantest_iac.domain.networking.networks": ("LoadBalancer",),
    "semantest_iac.domain.security.access": ("SecurityPolicy",),
    "semantest_iac.domain.deployment.deployment": ("Deployment", "DeploymentId"),
    "semantest_iac.domain.deployment.status": ("DeploymentStatus",),
    "semantest_iac.domain.deployment.deployment_service": ("DeploymentService",),
    "semantest_iac.domain.deployment.validation": ("ValidationService",),
    "semantest_iac.infrastructure.configuration.app_secrets": ("AppSecrets", "get_secrets"),
    "semantest_iac.domain.errors": ("DeploymentError", "InvalidStateError", "ProviderError", "ValidationError"),
    "semantest_iac.domain.ports.artifact_builder": ("FunctionApp",),
    "semantest_iac.domain.ports.provisioner": ("Provisioner",),
    "semantest_iac.domain.ports.event_publisher": ("EventPublisher",),
    "semantest_iac.application.use_cases": ("DeploymentUseCase",),
    "semantest_iac.events": (
        *("DeploymentRequested", "DeploymentStarted", "DeploymentCompleted", "DeploymentFailed"),
        *("FunctionDeployed", "ScalingTriggered", "InfrastructureUpdated", "ServiceDeploymentNeeded"),
    ),
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in _NAMES.items() for name in names])
def test_ordered_name_exists(module: str, name: str) -> None:
    found = getattr(import_module(module), name)

    assert found.__name__ == name


def test_every_published_event_is_exported() -> None:
    events = import_module("semantest_iac.events")

    assert {event.__name__ for event in events.EVENT_TYPES.values()} <= set(events.__all__)
