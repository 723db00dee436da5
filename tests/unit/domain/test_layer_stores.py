"""Tables and buckets of components of functions: who uses them, and how they are reached in a network."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore
from tests.unit.domain.layer_resources import build_resources, list_users

_JOB = {"handler": "work.job", "trigger": {"queue": "etl-queue"}, "tables": ["orders"], "buckets": ["uploads"]}
_NIGHTLY = {"handler": "work.nightly", "trigger": {"schedule": "0 3 * * *"}}
_SECTION: dict[str, Any] = {
    "source": ".",
    "tables": ["orders", "order-lines"],
    "buckets": ["uploads"],
    "functions": {"job": _JOB, "nightly": _NIGHTLY},
}


def _section_of(component: str) -> dict[str, Any]:
    return {**_SECTION, "queues": {"etl-queue": {}}} if component == "functions" else _SECTION


@pytest.mark.parametrize("component", ["functions", "etl", "platform"])
def test_a_function_uses_what_it_names_and_nothing_else(component: str) -> None:
    resources = build_resources(component, components={component: _section_of(component)})

    used = {"function-job", "identity-job"}
    assert [list_users(resources, it) for it in ("table-orders", "bucket-uploads")] == [used, used]
    assert list_users(resources, "table-order-lines") == set()


@pytest.mark.parametrize("component", ["functions", "etl", "platform"])
def test_without_functions_they_stay(component: str) -> None:
    written: dict[str, Any] = {
        "components": {component: _section_of(component)},
        "features": {"enable_functions": False},
    }

    assert {"table-orders", "table-order-lines", "bucket-uploads"} <= {*build_resources(component, **written)}


@pytest.mark.parametrize(("environment", "days", "keep"), [("development", 7, False), ("production", 35, True)])
def test_they_follow_the_environment(environment: str, days: int, keep: bool) -> None:
    resources = build_resources("functions", environment, components={"functions": _section_of("functions")})

    table, bucket = resources["table-orders"], resources["bucket-uploads"]
    assert isinstance(table, ItemTable)
    assert isinstance(bucket, ObjectStore)
    assert (table.backup_days, table.keep, table.private) == (days, keep, False)
    assert (bucket.recovery_days, bucket.keep, bucket.private) == (days, keep, False)


@pytest.mark.parametrize("has_documents", [True, False])
def test_in_a_network_they_are_private_with_one_endpoint_for_each_service(has_documents: bool) -> None:
    written: dict[str, Any] = {"components": {"platform": _SECTION}, "features": {"enable_cosmos_db": has_documents}}

    resources = build_resources("platform", "staging", **written)

    table, bucket = resources["table-orders"], resources["bucket-uploads"]
    assert isinstance(table, ItemTable)
    assert isinstance(bucket, ObjectStore)
    assert (table.private, bucket.private) == (True, True)
    endpoints = {it.name: it for it in resources.values() if isinstance(it, PrivateEndpoint)}
    assert endpoints["endpoint-tables"].targets == ("table-orders", "table-order-lines")
    assert endpoints["endpoint-tables"].companion == ("endpoint-documents" if has_documents else None)
    assert {*endpoints["endpoint-objects"].targets} == {"bucket-staging", "bucket-uploads"}


def test_a_component_without_any_has_no_layer_of_them() -> None:
    assert not [name for name in build_resources("platform") if name.startswith("table-")]
