"""What the layers security and observability build in each environment, alone and with other layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.platform.layer import LayerContext
from semantest_iac.domain.blueprints.platform.layers import build_platform
from semantest_iac.domain.blueprints.platform.observability import build_observability, watch_layers
from semantest_iac.domain.blueprints.platform.security import build_security
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.monitoring.logs_and_alarms import LogStore
from semantest_iac.domain.monitoring.observability import (
    Dashboard,
    DiagnosticLogs,
    LogWorkspace,
    PlatformAlarm,
    PlatformSignal,
    SavedQuery,
    TraceStore,
)
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import Subnet, VirtualNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity

_Kind = TypeVar("_Kind", bound=Resource)


def _settings(component: str, environment: str, configuration: Mapping[str, Any] | None = None) -> ComponentSettings:
    return resolve_component(DeploymentConfiguration.model_validate(configuration or {}), component, environment)


def _build(component: str, environment: str, configuration: Mapping[str, Any] | None = None) -> Blueprint:
    stack = Stack(component, "aws", environment, "us-east-1")
    return build_platform(stack, 1, _settings(component, environment, configuration))


def _only(kind: type[_Kind], blueprint: Blueprint) -> _Kind:
    [found] = [it for it in blueprint.resources if isinstance(it, kind)]
    return found


def _within_network(environment: str) -> Sequence[Resource]:
    """Return the resources of the layer behind a network with a subnet for private endpoints."""
    settings = _settings("security", environment)
    assert settings.platform is not None
    network = VirtualNetwork(name="virtual-network", cidr="10.0.0.0/16", public_cidr="10.0.8.0/24")
    subnet = Subnet(
        name="subnet-integration",
        network=Ref("virtual-network"),
        part=NetworkPart.INTEGRATION,
        cidr="10.0.3.0/24",
        access=Ref("access-rules"),
    )
    built: dict[str, Resource] = {it.name: it for it in (network, subnet)}
    stack = Stack("platform", "aws", environment, "us-east-1")
    return build_security(LayerContext(stack, settings, settings.platform, built)).resources


class TestSecurity:
    @pytest.mark.parametrize(
        ("environment", "days", "protected"),
        [("development", 7, False), ("qa", 14, False), ("staging", 30, False), ("production", 90, True)],
    )
    def test_has_the_vault_of_the_plan(self, environment: str, days: int, protected: bool) -> None:
        vault = _only(SecretVault, _build("security", environment))

        assert (vault.recovery_days, vault.purge_protection) == (days, protected)

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_has_a_private_vault_only_where_there_is_a_network_to_reach_it_from(self, environment: str) -> None:
        within = [it for it in _within_network(environment) if isinstance(it, SecretVault)]

        assert not _only(SecretVault, _build("security", environment)).private
        assert [it.private for it in within] == [True]

    def test_gives_the_vault_a_private_address_in_the_network(self) -> None:
        endpoints = [it for it in _within_network("staging") if isinstance(it, PrivateEndpoint)]

        assert [(it.service, it.targets, it.subnet) for it in endpoints] == [
            (PrivateService.SECRETS, ("vault",), "subnet-integration")
        ]
        assert not [it for it in _within_network("qa") if isinstance(it, PrivateEndpoint)]

    def test_gives_each_workload_an_identity_that_reads_secrets_and_nothing_else(self) -> None:
        blueprint = _build("security", "qa")
        identities = [it.name for it in blueprint.resources if isinstance(it, WorkloadIdentity)]
        rights = [(it.identity, it.target, it.right) for it in blueprint.resources if isinstance(it, RoleAssignment)]

        assert identities == ["identity-api", "identity-functions", "identity-etl"]
        assert rights == [(name, "vault", AccessRight.READ_SECRETS) for name in identities]


class TestObservability:
    @pytest.mark.parametrize(
        ("environment", "days", "quota"),
        [("development", 30, 1), ("qa", 30, 2), ("staging", 60, 5), ("production", 365, None)],
    )
    def test_has_the_log_of_the_plan(self, environment: str, days: int, quota: float | None) -> None:
        blueprint = _build("observability", environment)
        workspace = _only(LogWorkspace, blueprint)
        thresholds = [it.threshold for it in blueprint.resources if isinstance(it, PlatformAlarm)]

        assert (workspace.retention_days, workspace.daily_quota_gb) == (days, quota)
        assert thresholds == ([] if quota is None else [quota * 0.8])

    def test_keeps_the_log_of_production_and_traces_a_part_of_it(self) -> None:
        blueprint = _build("observability", "production")

        assert _only(LogWorkspace, blueprint).keep
        assert _only(TraceStore, blueprint).sampling_percent == 20

    def test_has_no_alarms_without_monitoring(self) -> None:
        blueprint = _build("observability", "qa", {"monitoring": {"enabled": False}})

        assert [type(it) for it in blueprint.resources] == [LogWorkspace, TraceStore, SavedQuery]

    def test_is_the_log_of_functions_of_the_platform_and_watches_their_queues(self) -> None:
        blueprint = _build("platform", "qa")
        functions = [it for it in blueprint.resources if isinstance(it, ServerlessFunction)]
        alarms = {(it.watched, it.signal) for it in blueprint.resources if isinstance(it, PlatformAlarm)}

        assert {it.log_store for it in functions} == {"traces"}
        assert not [it for it in blueprint.resources if isinstance(it, LogStore)]
        assert {
            ("queue-orders-queue", it) for it in (PlatformSignal.DEAD_LETTERS, PlatformSignal.WAITING_MESSAGES)
        } <= (alarms)
        assert {"vault", "broker"} <= {*_only(DiagnosticLogs, blueprint).sources}
        assert len(_only(Dashboard, blueprint).alarms) == len(alarms)

    def test_watches_services_and_pipelines(self) -> None:
        platform = {"services": {"orders-api": {"image": "ghcr.io/acme/orders:1.4"}}}
        blueprint = _build("platform", "development", {"components": {"platform": platform}})
        alarms = {it.signal: (it.watched, it.threshold) for it in blueprint.resources if isinstance(it, PlatformAlarm)}

        assert alarms[PlatformSignal.SERVICE_ERRORS] == ("service-orders-api", 5)
        assert alarms[PlatformSignal.SERVICE_LOAD] == ("service-orders-api", 80)
        assert alarms[PlatformSignal.FAILED_INSTANCES] == ("service-orders-api", 1)
        assert alarms[PlatformSignal.BALANCER_ERRORS] == ("load-balancer", 5)
        assert alarms[PlatformSignal.FAILED_PIPELINES] == ("pipeline", 1)

    def test_leaves_functions_their_own_log_where_it_is_not_in_the_stack(self) -> None:
        blueprint = _build("functions", "qa")
        logs = {it.name for it in blueprint.resources if isinstance(it, LogStore)}

        assert {it.log_store for it in blueprint.resources if isinstance(it, ServerlessFunction)} == logs

    def test_watches_what_other_layers_have_built(self) -> None:
        settings = _settings("observability", "qa")
        assert settings.platform is not None
        stack, built = Stack("platform", "aws", "qa", "us-east-1"), dict[str, Resource]()
        security = build_security(LayerContext(stack, settings, settings.platform))
        built |= {it.name: it for it in security.resources}
        layer = build_observability(LayerContext(stack, settings, settings.platform, dict(built)))
        built |= {it.name: it for it in layer.resources}
        whole = Blueprint(
            stack, 1, watch_layers(layer, LayerContext(stack, settings, settings.platform, built)).resources, {}
        )
        senders = [it.identity for it in whole.resources if isinstance(it, RoleAssignment)]

        assert _only(DiagnosticLogs, whole).sources == ("vault",)
        assert senders == ["identity-api", "identity-functions", "identity-etl"]
        assert _only(Dashboard, whole).alarms == ("alarm-log-volume",)
