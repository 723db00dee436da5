"""Names of which two resources, outputs or rights would be made are refused, and no others."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.blueprints.platform.layers import build_layers, build_platform
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.rules.platform.name_rules import (
    ETL_OUTPUTS,
    LAYER_IDENTITIES,
    SERVICE_OUTPUTS,
)
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.vaults import WorkloadIdentity
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.unit.cloud_programs.recorder import record_program

_IMAGE = {"image": "ghcr.io/acme/orders:1.4"}
_JOB = {"trigger": {"queue": "etl-queue"}}
_WORKER = {"trigger": {"queue": "orders"}}
_LISTENER = {"trigger": {"topic": "news"}}
_REGIONS = {"aws": "us-east-1", "azure": "eastus"}
_DATA = {"sends_to": ["orders"], "receives_from": ["orders"], "tables": ["items"], "buckets": ["files"]}
_FULL: dict[str, Any] = {
    "queues": {"orders": {}, "etl-queue": {}},
    "topics": {"news": {"subscriptions": {"audit": {}}}},
    "tables": ["items"],
    "buckets": ["files"],
    "database": {"names": ["shop"]},
    "functions": {"worker": _WORKER, "job": _JOB, "listener": _LISTENER},
    "services": {"shop": {**_IMAGE, "bindings": {**_DATA, "database": True}, "scale": {"queue": {"orders": 5}}}},
}


def _parse(component: str, section: dict[str, Any]) -> DeploymentConfiguration:
    return DeploymentConfiguration.model_validate({"components": {component: section}})


def _find_paths(section: dict[str, Any], component: str = "platform", provider: str = "aws") -> list[str]:
    stack = Stack(component, provider, "development", _REGIONS[provider])
    report = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES).validate(stack, _parse(component, section))
    return [fault.path.removeprefix(f"components.{component}.") for fault in report.faults]


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"functions": {"staging": _JOB}}, "functions.staging"),
        ({"functions": {"pipeline": _JOB}}, "functions.pipeline"),
        ({"functions": {"api": _WORKER}}, "functions.api"),
        ({"functions": {"database-administrator": _WORKER}}, "functions.database-administrator"),
        (
            {"functions": {"service-shop": _WORKER}, "services": {"shop": _IMAGE}},
            "functions.service-shop",
        ),
        ({"services": {"registry": _IMAGE}}, "services.registry"),
        ({"services": {"environment": _IMAGE}}, "services.environment"),
        ({"services": {"shop": _IMAGE, "shop-start": _IMAGE}}, "services.shop-start"),
        ({"queues": {"orders": {}, "etl-queue": {}, "orders-dead-letters": {}}}, "queues.orders-dead-letters"),
        (
            {"topics": {"news": {"subscriptions": {"a": {}, "a-dead-letters": {}}}}},
            "topics.news.subscriptions.a-dead-letters",
        ),
        (
            {"topics": {"news": {"subscriptions": {"of-day": {}}}, "news-of": {"subscriptions": {"day": {}}}}},
            "topics.news-of.subscriptions.day",
        ),
    ],
)
def test_of_two_things_are_refused(provider: str, section: dict[str, Any], path: str) -> None:
    written = {"queues": {"orders": {}, "etl-queue": {}}, **section}

    assert _find_paths(written, provider=provider) == [path]


def test_are_refused_all_at_once() -> None:
    functions, services = {"staging": _JOB, "api": _WORKER}, {"registry": _IMAGE}
    section = {"queues": {"orders": {}, "etl-queue": {}}, "functions": functions, "services": services}

    assert _find_paths(section) == ["functions.staging", "functions.api", "services.registry"]


def test_of_queues_of_an_api_are_refused_too() -> None:
    section: dict[str, Any] = {"resources": {"queues": {"orders": {}, "orders-dead-letters": {}}}}

    assert _find_paths(section, "rest-api") == ["resources.queues.orders-dead-letters"]


def test_are_free_where_the_layer_that_has_them_is_not_there() -> None:
    functions = {"api": _WORKER, "staging": _WORKER}

    assert _find_paths({"queues": {"orders": {}}, "functions": functions}, "functions") == []
    assert _find_paths({"services": {"logs": _IMAGE}}) == []
    assert _find_paths({"services": {"logs": _IMAGE}}, "services") == ["services.logs"]


def _is_of_layer(resource: Resource) -> bool:
    return isinstance(resource, WorkloadIdentity) and not resource.name.startswith("identity-service-")


def test_that_are_taken_are_those_that_layers_make() -> None:
    stack = Stack("platform", "aws", "development", "us-east-1")
    layers = build_layers(stack, resolve_component(_parse("platform", _FULL), "platform", "development"))
    identities = {
        layer: tuple(it.name.removeprefix("identity-") for it in built.resources if _is_of_layer(it))
        for layer, built in layers.items()
    }

    assert {name: identities[name] for name in LAYER_IDENTITIES} == LAYER_IDENTITIES
    assert {*layers["etl"].outputs} == {"etl_job", *(f"etl_{name}" for name in ETL_OUTPUTS)}
    assert {*layers["services"].outputs} == {"services_shop", *(f"services_{name}" for name in SERVICE_OUTPUTS)}


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
def test_that_are_free_make_no_resource_twice(provider: str) -> None:
    """Whatever programs put behind the name of a service is tried as the end of another one's name."""
    stack = Stack("platform", provider, "staging", _REGIONS[provider])

    def list_names(section: dict[str, Any]) -> list[tuple[str, str]]:
        settings = resolve_component(_parse("platform", section), "platform", "staging")
        return [(it.type, it.name) for it in record_program(build_platform(stack, 1, settings))]

    ends = {found[1] for _, name in list_names(_FULL) if (found := re.search(r"\bshop(-[a-z0-9-]+)$", name))}
    more = {f"shop{end}": _FULL["services"]["shop"] for end in ends if len(end) < 40}
    section = {**_FULL, "services": {**_FULL["services"], **more}}
    refused = {it.removeprefix("services.") for it in _find_paths(section, provider=provider)}
    free = {name: it for name, it in section["services"].items() if name not in refused}
    counts = Counter(list_names({**section, "services": free}))

    assert len(free) > 1
    assert [place for place, count in counts.items() if count > 1] == []
