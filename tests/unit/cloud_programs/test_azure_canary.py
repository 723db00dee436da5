"""The program of a REST API on Azure while two versions share the traffic, and while one of them takes it over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import FUNCTION_REF, LIVE_VERSION_REF
from semantest_iac.domain.blueprints.traffic_split import TrafficSplit
from semantest_iac.domain.compute.triggers import ScheduleTrigger
from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs.azure.catalogue import CLOUD
from semantest_iac.infrastructure.cloud_programs.azure.compute import TRIGGERS_SETTING
from tests.unit.cloud_programs.azure_registrations import APP, ROLE
from tests.unit.cloud_programs.recorder import Registration, inputs_named, of_type, record_program, urn
from tests.unit.cloud_programs.variants import blueprint

_BACKEND, _POLICY = "azure-native:apimanagement:Backend", "azure-native:apimanagement:ApiPolicy"


def _whole(variant: str = "secrets") -> Blueprint:
    return blueprint(variant, "staging", "eastus", "azure")


def _record(share: int | None, variant: str = "secrets", deferred: Deferred = Deferred.NOTHING) -> list[Registration]:
    whole = _whole(variant)
    outputs = {name: "1" for name, (_, attribute) in whole.outputs.items() if attribute == "version"}
    shared = whole if share is None else TrafficSplit(outputs, share).apply(whole)
    return record_program(shared, deferred=deferred)


def _backend_of(registrations: list[Registration]) -> str | None:
    [policy] = of_type(_POLICY, registrations)
    found = fromstring(policy.inputs["value"]).find("inbound/set-backend-service")
    return None if found is None else found.get("backend-id")


def _backends(registrations: list[Registration]) -> set[str]:
    return {it.inputs["backendId"] for it in of_type(_BACKEND, registrations)}


class TestCanaryApp:
    def test_has_the_settings_of_the_live_one_but_storage_of_its_own(self) -> None:
        registrations = _record(10)
        live, canary = (inputs_named(APP, name, registrations) for name in ("function", "canary"))

        def settings(app: dict[str, Any]) -> dict[str, Any]:
            return {it["name"]: it["value"] for it in app["siteConfig"]["appSettings"]}

        assert settings(canary) == settings(live)
        assert canary["identity"] == live["identity"]
        assert canary["name"] != live["name"]
        storage = {
            it.name: it.inputs["accountName"] for it in of_type("azure-native:storage:StorageAccount", registrations)
        }
        assert storage["canary"] != storage["function"]
        assert {f"{role}-canary" for role in ("blobs", "queues", "tables")} <= {
            it.name for it in of_type(ROLE, registrations)
        }

    @pytest.mark.parametrize("variant", ["functions", "functions beside a handler"])
    def test_is_one_for_all_functions_of_an_app(self, variant: str) -> None:
        assert sorted(it.name for it in of_type(APP, _record(10, variant))) == ["canary", "function"]

    def test_belongs_to_the_live_version_with_what_leads_there(self) -> None:
        registrations = _record(10)
        parents = {it.parent for it in registrations if it.name in ("canary", "shared") and it.type != APP}

        assert parents == {urn("semantest:delivery:LiveVersion", "live")}

    def test_takes_no_messages_and_follows_no_schedule(self) -> None:
        nightly = ScheduleTrigger(name="nightly", target=LIVE_VERSION_REF, function=FUNCTION_REF, schedule="0 3 * * *")
        whole = _whole()
        scheduled = replace(whole, resources=(*whole.resources, nightly))
        registrations = record_program(TrafficSplit({"function_version": "1"}, 10).apply(scheduled))
        live, canary = (inputs_named(APP, name, registrations) for name in ("function", "canary"))

        assert TRIGGERS_SETTING in {it["name"] for it in live["siteConfig"]["appSettings"]}
        assert TRIGGERS_SETTING not in {it["name"] for it in canary["siteConfig"]["appSettings"]}

    def test_is_none_without_a_share(self) -> None:
        assert [it.name for it in of_type(APP, _record(None))] == ["function"]


class TestTraffic:
    @pytest.mark.parametrize(
        ("share", "deferred", "backend", "backends"),
        [
            (10, Deferred.NOTHING, "shared", {"live", "canary", "shared"}),
            (10, Deferred.TRAFFIC, "live", {"live", "canary"}),
            (0, Deferred.NOTHING, "live", {"live", "canary"}),
            (100, Deferred.NOTHING, "canary", {"live", "canary"}),
            (None, Deferred.TRAFFIC, "canary", {"live", "canary"}),
            (None, Deferred.NOTHING, "live", {"live"}),
        ],
        ids=["shared", "before-the-code", "returned", "handed-over", "before-the-live-code", "promoted"],
    )
    def test_goes_to(self, share: int | None, deferred: Deferred, backend: str, backends: set[str]) -> None:
        registrations = _record(share, deferred=deferred)

        assert _backend_of(registrations) == backend
        assert _backends(registrations) == backends

    def test_is_divided_by_the_weights_of_a_pool(self) -> None:
        pool = inputs_named(_BACKEND, "shared", _record(30))

        assert pool["type"] == "Pool"
        assert {it["id"]: it["weight"] for it in pool["pool"]["services"]} == {"id of api": 70, "id of canary": 30}
        assert "url" not in pool and "protocol" not in pool


def _policy_change(**values: Any) -> PlannedChange:
    changed = PropertyChange("value", '<a/><set-backend-service backend-id="live" />', **values)
    return PlannedChange("urn", _POLICY, "api", "update", (changed,))


class TestMovesTraffic:
    def test_is_another_backend_of_the_policy_alone(self) -> None:
        assert CLOUD.moves_traffic(_policy_change(new='<a/><set-backend-service backend-id="shared" />'))

    @pytest.mark.parametrize(
        "change",
        [
            _policy_change(new='<b/><set-backend-service backend-id="shared" />'),
            _policy_change(new=None),
            replace(_policy_change(new='<a/><set-backend-service backend-id="x" />'), op="replace"),
            replace(_policy_change(new='<a/><set-backend-service backend-id="x" />'), type=_BACKEND),
        ],
        ids=["another-rule", "no-policy", "replaced", "a-backend"],
    )
    def test_is_nothing_else(self, change: PlannedChange) -> None:
        assert not CLOUD.moves_traffic(change)
