"""What services are in a configuration, and what of them is refused, each fault with its place."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.compute.containers import HealthProbe, ServiceScaling
from semantest_iac.domain.environments.platform.service_sections import ServiceSection
from semantest_iac.domain.environments.platform.service_settings import ServiceSettings, resolve_services
from semantest_iac.infrastructure.clouds.plan.azure_containers import choose_container_size

IMAGE = "ghcr.io/acme/orders:1.4"


def _resolve(**written: Any) -> ServiceSettings:
    sections = {"orders-api": ServiceSection.model_validate({"image": IMAGE, **written})}
    return resolve_services(sections, tier="basic", high_availability=False, dapr=False).services["orders-api"]


class TestSettings:
    def test_fill_the_gaps(self) -> None:
        settings = _resolve()

        assert (settings.port, settings.cpu, settings.memory_mb, settings.public) == (8080, 0.25, 512, False)
        assert settings.probe == HealthProbe()

    def test_tell_secrets_from_variables(self) -> None:
        settings = _resolve(environment={"LIMIT": 5, "TOKEN": "${secrets.token}"})

        assert (settings.environment, settings.secrets) == ({"LIMIT": "5"}, {"TOKEN": "token"})

    @pytest.mark.parametrize(
        ("scale", "expected"),
        [
            ({}, ServiceScaling(minimum=1, maximum=5, concurrent_requests=50)),
            ({"min": 8}, ServiceScaling(minimum=8, maximum=8)),
            ({"max": 1}, ServiceScaling(minimum=1, maximum=1)),
            ({"min": 0, "cpu": 70}, ServiceScaling(minimum=0, maximum=5, cpu_percent=70)),
            ({"queue": {"orders-queue": 20}}, ServiceScaling(minimum=1, maximum=5)),
        ],
    )
    def test_scale_by_requests_where_nothing_else_is_written(
        self, scale: dict[str, Any], expected: ServiceScaling
    ) -> None:
        assert _resolve(scale=scale).scaling == expected


class TestSizesOnAzure:
    @pytest.mark.parametrize(
        ("cpu", "memory", "expected"),
        [(0.25, 512, (0.25, "0.5Gi")), (0.25, 1024, (0.5, "1Gi")), (1.5, 512, (1.5, "3Gi")), (4, 8192, (4, "8Gi"))],
    )
    def test_are_pairs_of_which_the_next_is_taken(self, cpu: float, memory: int, expected: tuple[float, str]) -> None:
        assert choose_container_size(cpu, memory) == expected
