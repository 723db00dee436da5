"""What services are in a configuration, and what of them is refused, each fault with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.compute.containers import HealthProbe, ServiceScaling
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.platform.service_resolution import resolve_services
from semantest_iac.domain.environments.platform.service_sections import ServiceSection
from semantest_iac.domain.environments.platform.service_settings import ServiceSettings
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import choose_container_size

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


def _validate(
    provider: str, section: dict[str, Any], environment: str = "development", component: str = "platform", **more: Any
) -> ValidationReport:
    written = {"components": {component: section}, **more}
    service = ValidationService(date(2026, 11, 30), CLOUD_ENTRIES, lambda name: find_cloud(name).capabilities)
    stack = Stack(component, provider, environment, CLOUD_ENTRIES[provider].regions[0])
    return service.validate(stack, DeploymentConfiguration.model_validate(written))


class TestWarningsOnAws:
    @pytest.mark.parametrize(
        ("service", "warned"),
        [
            ({"cpu": 0.25, "memory": 512, "scale": {"min": 1}}, []),
            ({"cpu": 0.75, "memory": 1500}, ["memory"]),
            ({"scale": {"min": 0}}, ["scale.min"]),
            ({"scale": {"min": 0, "concurrent_requests": 10, "queue": {"orders-queue": 20}}}, ["scale.min"]),
            ({"scale": {"min": 0, "queue": {"orders-queue": 20}}}, []),
        ],
        ids=["fits", "size", "requests", "requests and queue", "queue"],
    )
    def test_say_what_is_deployed_otherwise(self, service: dict[str, Any], warned: list[str]) -> None:
        section = {"services": {"web": {"image": IMAGE, **service}}}

        paths = [it.path for it in _validate("aws", section).warnings if ".services.web." in it.path]

        assert [it.removeprefix("components.platform.services.web.") for it in paths] == warned


class TestWayToImagesOnAws:
    @pytest.mark.parametrize(("has_gateway", "is_refused"), [(True, False), (False, True)])
    def test_leads_through_the_nat_gateway(self, *, has_gateway: bool, is_refused: bool) -> None:
        section = {"services": {"web": {"image": IMAGE}}}

        paths = [it.path for it in _validate("aws", section, network={"nat_gateway": has_gateway}).faults]

        assert ("components.platform.services.web" in paths) is is_refused


def _find_faults(provider: str, service: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    section = {"services": {"orders-api": service, "users-api": {"image": IMAGE}}}
    report = _validate(provider, section, **more)
    return [(it.path.removeprefix("components.platform.services.orders-api"), it.message) for it in report.faults]


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
class TestRules:
    @pytest.mark.parametrize(
        "service",
        [
            {"image": IMAGE},
            {"image": "nginx@sha256:" + "a" * 64, "port": 1, "cpu": 4, "memory": 8192},
            {"source": ".", "start": "node server.js"},
            {"image": IMAGE, "scale": {"min": 0, "concurrent_requests": 10}, "bindings": {"calls": ["users-api"]}},
            {"image": IMAGE, "bindings": {"database": True, "cache": True, "sends_to": ["events-topic"]}},
        ],
    )
    def test_accept_what_clouds_run(self, provider: str, service: dict[str, Any]) -> None:
        assert _find_faults(provider, service) == []

    @pytest.mark.parametrize(
        ("service", "path", "reason"),
        [
            ({}, "", "nothing says what it runs"),
            ({"image": "Orders Api"}, ".image", "is not an image"),
            ({"image": IMAGE, "source": "."}, ".start", "missing"),
            ({"image": IMAGE, "start": "node server.js"}, ".source", "missing"),
            ({"source": ".", "start": "'"}, ".start", "has a quotation mark without its partner"),
            ({"source": ".", "start": "cd src && node server.js"}, ".start", "'cd' is no program"),
            ({"source": ".", "start": "npm install && node server.js"}, ".start", "'&&' has no meaning"),
            ({"source": ".", "start": "LIMIT=5 node server.js"}, ".start", "no variable can be set before"),
            ({"source": ".", "start": "node $FILE"}, ".start", "nothing replaces '$'"),
            ({"image": IMAGE, "environment": {"PORT": "80"}}, ".environment.PORT", "is what the key port says"),
            ({"image": IMAGE, "port": 0}, ".port", "must be 1 to 65535"),
            ({"image": IMAGE, "cpu": 0.3}, ".cpu", "in quarters"),
            ({"image": IMAGE, "memory": 100}, ".memory", "must be 512 to 8192"),
            ({"image": IMAGE, "health": {"path": "health"}}, ".health.path", "is not a path"),
            ({"image": IMAGE, "health": {"timeout_s": 1}}, ".health.timeout_s", "must be 2 to 60"),
            ({"image": IMAGE, "health": {"interval_s": 5}}, ".health", "a probe waits for 5 s"),
            ({"image": IMAGE, "scale": {"min": 6, "max": 5}}, ".scale", "min 6 is above max 5"),
            ({"image": IMAGE, "scale": {"min": 0, "cpu": 70}}, ".scale.min", "would never start again"),
            ({"image": IMAGE, "scale": {"queue": {"orders": 5}}}, ".scale.queue", "no queue 'orders'"),
            ({"image": IMAGE, "scale": {"queue": {"orders-queue": 0}}}, ".scale.queue.orders-queue", "1 to 10000"),
            ({"image": IMAGE, "bindings": {"calls": ["orders-api"]}}, ".bindings.calls", "would call itself"),
            ({"image": IMAGE, "bindings": {"calls": ["user-api"]}}, ".bindings.calls", "no service 'user-api'"),
            ({"image": IMAGE, "bindings": {"receives_from": ["events-topic"]}}, ".bindings.receives_from", "no queue"),
            ({"image": IMAGE, "bindings": {"tables": ["orders"]}}, ".bindings.tables", "no table 'orders'"),
        ],
    )
    def test_refuse_what_no_cloud_runs(self, provider: str, service: dict[str, Any], path: str, reason: str) -> None:
        [(at, message)] = _find_faults(provider, service)

        assert at == path
        assert reason in message

    @pytest.mark.parametrize("binding", ["database", "cache", "documents"])
    def test_refuse_data_that_the_component_does_not_have(self, provider: str, binding: str) -> None:
        section = {"services": {"web": {"image": IMAGE, "bindings": {binding: True}}}}

        [fault] = _validate(provider, section, component="services").faults

        assert fault.path == f"components.services.services.web.bindings.{binding}"

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_refuse_a_public_service_that_nobody_could_reach(self, provider: str, environment: str) -> None:
        faults = _find_faults(provider, {"image": IMAGE, "public": True}, environment=environment)

        assert ".public" in [path for path, _ in faults]

    @pytest.mark.parametrize(("image", "is_warned"), [("nginx", True), ("nginx:latest", True), ("nginx:1.27", False)])
    def test_warn_of_an_image_that_moves(self, provider: str, image: str, is_warned: bool) -> None:
        warnings = _validate(provider, {"services": {"web": {"image": image}}}).warnings

        assert any("no tag that stays" in it.message for it in warnings) is is_warned

    @pytest.mark.parametrize("environment", ["development", "production"])
    def test_take_code_of_which_an_image_is_made(self, provider: str, environment: str) -> None:
        section = {"services": {"web": {"source": ".", "start": "node server.js", "base": "node:24-slim"}}}

        assert not _validate(provider, section, environment).faults

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"source": ".", "start": "node server.js", "base": "Node Slim"}, "is not an image"),
            ({"image": IMAGE, "base": "node:24-slim"}, "nothing stands on it"),
        ],
    )
    def test_refuse_a_base_on_which_nothing_can_stand(self, provider: str, more: dict[str, Any], words: str) -> None:
        [message] = [message for path, message in _find_faults(provider, more) if path == ".base"]

        assert words in message
