"""Fills in what a configuration does not say of services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from semantest_iac.domain.compute.containers import HealthProbe, ServiceScaling
from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.platform.service_sections import ServiceScaleSection, ServiceSection
from semantest_iac.domain.environments.platform.service_settings import (
    DEFAULT_MAXIMUM_INSTANCES,
    ServiceBindings,
    ServiceSettings,
    ServicesSettings,
)
from semantest_iac.domain.environments.section_types import parse_secret_reference

DEFAULT_CONCURRENT_REQUESTS = 50


def resolve_services(
    written: Mapping[str, ServiceSection] | None, *, tier: Tier, high_availability: bool, dapr: bool
) -> ServicesSettings:
    """Fill the gaps of every service."""
    return ServicesSettings(
        services={name: _resolve_service(name, section) for name, section in (written or {}).items()},
        tier=tier,
        high_availability=high_availability,
        dapr=dapr,
    )


def _resolve_service(name: str, section: ServiceSection) -> ServiceSettings:
    secrets = {key: secret for key, value in section.environment.items() if (secret := parse_secret_reference(value))}
    plain = {"memory": "memory_mb"}
    written = section.model_dump(
        exclude_none=True, include={"image", "source", "start", "base", "port", "cpu", "memory", "public"}
    )
    return ServiceSettings(
        name=name,
        probe=replace(HealthProbe(), **section.health.model_dump(exclude_none=True)),
        scaling=_resolve_scaling(section.scale),
        queue_lengths=dict(section.scale.queue),
        bindings=ServiceBindings(**section.bindings.model_dump()),
        environment={key: value for key, value in section.environment.items() if key not in secrets},
        secrets=secrets,
        **{plain.get(key, key): value for key, value in written.items()},
    )


def _resolve_scaling(section: ServiceScaleSection) -> ServiceScaling:
    """Without anything by which it scales, a service does so by its requests; with one instance at most, by nothing."""
    minimum = 1 if section.min is None else section.min
    maximum = max(minimum, DEFAULT_MAXIMUM_INSTANCES) if section.max is None else section.max
    others = section.cpu, section.memory, section.queue or None
    needs_default = maximum > minimum and section.concurrent_requests is None and not any(others)
    return ServiceScaling(
        minimum=minimum,
        maximum=maximum,
        concurrent_requests=DEFAULT_CONCURRENT_REQUESTS if needs_default else section.concurrent_requests,
        cpu_percent=section.cpu,
        memory_percent=section.memory,
    )
