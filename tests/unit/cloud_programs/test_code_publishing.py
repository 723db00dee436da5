from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.blueprints.components import build_rest_api, build_websocket
from semantest_iac.domain.blueprints.traffic_split import TrafficSplit
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, CodeChange, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.apis import WebSocketEndpoint
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.provisioner import Deferred, ResourceProgress, Work
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.code_publishing import (
    PACKAGE_TAG,
    CodePublisher,
    PublishingMethod,
    ServiceClient,
)

_PACKAGE = Artifact("d2", Path("package.zip"), "h", "python3.13", 1)
_NOTHING = ChangePlan()
_SETTINGS = resolve_component(DeploymentConfiguration(), "websocket", "development")
_REST_SETTINGS = resolve_component(DeploymentConfiguration(), "rest-api", "staging")


def _resource(name: str, type_: str = "app") -> DeployedResource:
    return DeployedResource(type_, name, {"name": name}, urn=f"urn:{name}")


class Apps:
    """A cloud that knows what each app runs; `before` is called when a package has arrived."""

    def __init__(self, **running: str) -> None:
        self.running = running
        self.before: Callable[[], object] = lambda: None

    @property
    def publisher(self) -> CodePublisher:
        method = PublishingMethod("app", self._running, self._publish, self._client)
        return CodePublisher(method, self._client())

    def _client(self) -> ServiceClient:
        return ServiceClient(lambda origin, request: HttpResponse(200), lambda: "", lambda seconds: None)

    def _running(self, app: Any, client: ServiceClient) -> str:
        return self.running.get(app["name"], "")

    def _publish(self, app: Any, package: Artifact, client: ServiceClient) -> None:
        client.send("https://app", HttpRequest("POST", "/"))
        self.before()
        client.send("https://app", HttpRequest("GET", "/"))
        self.running[app["name"]] = package.digest


class TestNeedsPublishing:
    @pytest.mark.parametrize(("running", "missing"), [("", True), ("d1", True), ("d2", False)])
    def test_depends_on_what_the_cloud_says_is_running(self, running: str, missing: bool) -> None:
        publisher = Apps(one=running).publisher

        plan = publisher.plan_publishing([_resource("one"), _resource("other", "vault")], _PACKAGE, _NOTHING)

        assert plan.lacks_code is missing
        assert plan.code == (CodeChange("d1", "d2") if running == "d1" else None)

    @pytest.mark.parametrize(("op", "missing"), [("create", True), ("replace", True), ("update", False)])
    def test_is_true_for_a_new_app(self, op: Any, missing: bool) -> None:
        plan = ChangePlan((PlannedChange(urn="urn:one", type="app", name="one", op=op),))

        assert Apps(one="d2").publisher.plan_publishing([_resource("one")], _PACKAGE, plan).lacks_code is missing

    def test_is_false_without_a_package(self) -> None:
        assert not Apps().publisher.plan_publishing([_resource("one")], None, _NOTHING).lacks_code


class TestPublish:
    def test_skips_running_packages_and_reports_the_others(self) -> None:
        apps, updates = Apps(one="d2"), list[ResourceProgress]()

        apps.publisher.publish([_resource("one"), _resource("two"), _resource("v", "vault")], _PACKAGE, updates.append)

        assert apps.running == {"one": "d2", "two": "d2"}
        assert [(update.urn, update.op, update.state) for update in updates] == [
            ("urn:two", "publish", "running"),
            ("urn:two", "publish", "done"),
        ]

    async def test_sends_nothing_after_a_cancellation(self) -> None:
        apps, updates = Apps(), list[ResourceProgress]()
        arrived, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        apps.before = lambda: (loop.call_soon_threadsafe(arrived.set), go_on.wait(10))

        task = asyncio.ensure_future(apps.publisher.publish_in_thread([_resource("one")], _PACKAGE, updates.append))
        await arrived.wait()
        task.cancel()
        loop.call_later(0.01, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (apps.running, updates[-1].state) == ({}, "failed")

    def test_reports_what_each_app_runs(self) -> None:
        registrations = Apps(one="d1").publisher.with_running_code([_resource("one"), _resource("v", "vault")])

        assert [(it.name, it.code) for it in registrations] == [("one", "d1"), ("v", "")]


class TestCompanions:
    BOTH = replace(_PACKAGE, companions={"guard": Artifact("g2", Path("guard.zip"), "h", "python3.13", 1)})

    def test_are_published_to_apps_with_their_tag(self) -> None:
        apps = Apps()
        guard = replace(_resource("guard"), outputs={"name": "guard", "tags": {PACKAGE_TAG: "g2"}})

        apps.publisher.publish([_resource("one"), guard], self.BOTH, lambda update: None)
        assert apps.running == {"one": "d2", "guard": "g2"}

    @pytest.mark.parametrize(("guard", "missing"), [("g1", True), ("", True), ("d2", True), ("g2", False)])
    def test_need_publishing_like_the_package_itself(self, guard: str, missing: bool) -> None:
        publisher = Apps(one="d2", guard=guard).publisher

        plan = publisher.plan_publishing([_resource("one"), _resource("guard")], self.BOTH, _NOTHING)

        assert plan.lacks_code is missing


class TestFindDeferred:
    WORK = Work(
        "d", build_websocket(Stack("websocket", "azure", "development", "eastus"), 1, _SETTINGS), TestCompanions.BOTH
    )

    @pytest.mark.parametrize(
        ("there", "running", "deferred"),
        [
            ([], {}, Deferred.ALL),
            ([_resource("one")], {"one": "d1"}, Deferred.ALL),
            ([_resource("one"), _resource("hub", "hub")], {"one": "d1"}, Deferred.CHANGES),
            ([_resource("one"), _resource("guard"), _resource("hub", "hub")], {"one": "d1"}, Deferred.CHANGES),
            (
                [_resource("one"), _resource("guard"), _resource("hub", "hub")],
                {"one": "d1", "guard": "x"},
                Deferred.NOTHING,
            ),
        ],
        ids=["nothing-there", "no-hub", "an-app-to-come", "an-app-without-code", "all-run"],
    )
    def test_finds_what_needs_running_code(self, there: Any, running: Any, deferred: Deferred) -> None:
        apps = Apps(**running)
        publisher = replace(
            apps.publisher, method=replace(apps.publisher.method, deferred_types={WebSocketEndpoint: "hub"})
        )

        assert publisher.decide_deferral(self.WORK, there) is deferred

    def test_finds_nothing_if_no_kind_waits_for_code(self) -> None:
        assert Apps().publisher.decide_deferral(self.WORK, []) is Deferred.NOTHING


class TestTraffic:
    """What waits while a second app runs a new version: `d2` is the package that is deployed."""

    _WHOLE = build_rest_api(Stack("rest-api", "azure", "staging", "eastus"), 1, _REST_SETTINGS)
    _SPLIT = TrafficSplit({"function_version": "1"}, 10).apply(_WHOLE)

    @pytest.mark.parametrize(
        ("blueprint", "running", "deferred"),
        [
            (_SPLIT, {"function": "d1"}, Deferred.TRAFFIC),
            (_SPLIT, {"function": "d1", "canary": ""}, Deferred.TRAFFIC),
            (_SPLIT, {"function": "d1", "canary": "d2"}, Deferred.NOTHING),
            (_WHOLE, {"function": "d1", "canary": "d2"}, Deferred.TRAFFIC),
            (_WHOLE, {"function": "d2", "canary": "d2"}, Deferred.NOTHING),
            (_WHOLE, {"function": "d2", "canary": "d3"}, Deferred.NOTHING),
            (_WHOLE, {"function": "d1", "canary": "d3"}, Deferred.NOTHING),
            (_WHOLE, {"function": "d1"}, Deferred.NOTHING),
        ],
        ids=[
            *("no-second-app", "second-app-without-code", "share", "take-over", "taken-over", "returned"),
            *("returned-with-other-code", "no-canary"),
        ],
    )
    def test_waits_for_the_code_of_what_receives_it(self, blueprint: Any, running: Any, deferred: Deferred) -> None:
        apps = Apps(**running)
        publisher = replace(apps.publisher, method=replace(apps.publisher.method, canary_app="canary"))
        resources = [_resource(name) for name in running]

        assert publisher.decide_deferral(Work("d", blueprint, _PACKAGE), resources) is deferred

    def test_a_kept_app_is_not_published_to(self) -> None:
        apps = Apps(function="d1")
        tags = {"function": "d1", "canary": "d2"}
        resources = [
            replace(_resource(name), outputs={"name": name, "tags": {PACKAGE_TAG: tags[name]}}) for name in tags
        ]

        apps.publisher.publish(resources, _PACKAGE, lambda update: None)
        same = [PlannedChange(f"urn:{name}", "app", name, "same") for name in tags]
        plan = apps.publisher.plan_publishing(resources, _PACKAGE, ChangePlan(tuple(same)))

        assert apps.running == {"function": "d1", "canary": "d2"}
        assert not plan.lacks_code

    def test_an_app_that_is_deleted_needs_no_code(self) -> None:
        apps = Apps(function="d2", canary="d3")
        plan = ChangePlan((PlannedChange("urn:canary", "app", "canary", "delete"),))

        assert not apps.publisher.plan_publishing(
            [_resource("function"), _resource("canary")], _PACKAGE, plan
        ).lacks_code
