"""The contract of every engine for the rest-api on Azure."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import CodeChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac_events.infrastructure import FunctionDeployed, HttpApiDeployed, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts
from tests.contract.provisioner.provisioner_contract import EngineFixture, list_values

_APP = "azure-native:web:WebApp"
_ALERTS = [{"type": "error_rate", "threshold": 0.05}, {"type": "latency", "threshold": 800}]
_SIGNED = {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.jwt}"}
_OPEN = {"components": {"websocket": {"environment": {"AUTHENTICATION_REQUIRED": "false"}}}}
_SECRET = {"TOKEN": "${secrets.token}"}


def _guarded(fixture: EngineFixture, stack: Stack) -> Work:
    """Return a work with an authorizer, which is another app with its own package."""
    work = fixture.work_for({"components": {"websocket": {"environment": _SIGNED}}}, stack)
    path = fixture.package.with_name("guard.zip")
    path.write_bytes(b"a guard")
    guard = Artifact(sha256(path.read_bytes()).hexdigest(), path, "guard.handler", "python3.13", 7)
    assert work.artifact is not None
    return replace(work, artifact=replace(work.artifact, companions={"authorizer": guard}))


class AzureContract:
    """The tests of the contract; a subclass provides the `fixture` with its engine."""

    async def test_updates_only_the_app_for_more_memory_and_publishes_that(self, fixture: EngineFixture) -> None:
        def configure(memory: int, level: str, alerts: list[dict[str, Any]] = _ALERTS) -> Work:
            section = {"memory": memory, "environment": _SECRET | {"LEVEL": level}}
            return fixture.work_for({"monitoring": {"alerts": alerts}, "components": {"rest-api": section}})

        await fixture.deploy(configure(512, "info"))
        more = configure(4096, "debug")
        plan = await fixture.engine.preview(more)
        fewer_alarms = await fixture.engine.preview(configure(512, "info", _ALERTS[:1]))
        assert more.artifact is not None
        other = await fixture.engine.preview(replace(more, artifact=replace(more.artifact, runtime="nodejs22.x")))
        fixture.events.clear()

        await fixture.deploy(more)

        changed = [(change.type, change.op, change.why) for change in plan.mutations]
        assert (changed, plan.lacks_code) == ([(_APP, "update", ("functionAppConfig", "siteConfig"))], False)
        assert list_values(plan) == {
            ("function", "functionAppConfig.scaleAndConcurrency.instanceMemoryMB", 512, 4096),
            ("function", "siteConfig.appSettings.LEVEL", "info", "debug"),
        }
        assert fixture.canary not in json.dumps(plan.as_dict())
        assert [(change.op, change.name) for change in fewer_alarms.mutations] == [("delete", "alarm-latency")]
        forcing = {(it.name, change.path) for it in other.mutations for change in it.properties if change.replaces}
        assert forcing == {("function", "functionAppConfig.runtime.name"), ("function", "resourceUri")}
        assert [event.memory_mb for event in fixture.events if isinstance(event, FunctionDeployed)] == [4096]

    async def test_creates_secrets_again_under_a_reserved_vault_name(self, fixture: EngineFixture) -> None:
        first = await fixture.deploy(fixture.work(environment=_SECRET))
        plan = await fixture.engine.preview_destroy(fixture.east)
        await fixture.destroy()

        again = await fixture.deploy(fixture.work(generation=2, environment=_SECRET))

        lost = {change.type for change in plan.resources if change.reversible == "irreversible"}
        assert lost == {"azure-native:operationalinsights:Workspace", "azure-native:keyvault:Vault"}
        assert again.changes == first.changes
        assert again.outputs["function_name"] != first.outputs["function_name"]

    async def test_publishes_what_an_interrupted_deployment_did_not_and_a_changed_package(
        self, fixture: EngineFixture
    ) -> None:
        work = fixture.work()
        plan = await fixture.engine.preview(work)
        await apply_plan(fixture.engine, work, plan, fixture, lambda update: None)
        published = [type(event) for event in fixture.events]

        plan = await fixture.engine.preview(work)
        applied = await fixture.deploy(work)

        assert FunctionDeployed not in published
        assert (plan.lacks_code, plan.is_empty) == (True, False)
        assert applied.changes == ChangeCounts(same=applied.changes.same)
        assert FunctionDeployed in map(type, fixture.events)
        assert (await fixture.engine.preview(work)).is_empty
        await self._change_package(fixture)

    async def _change_package(self, fixture: EngineFixture) -> None:
        old = fixture.digest
        fixture.package.write_bytes(b"another package")
        plan = await fixture.engine.preview(fixture.work())
        fixture.events.clear()

        await fixture.deploy(fixture.work())

        assert [(change.type, change.op, plan.lacks_code) for change in plan.mutations] == [(_APP, "update", True)]
        assert plan.code == CodeChange(old, fixture.digest)
        assert list_values(plan) == {("function", "tags.Package", old, fixture.digest)}
        [deployed] = [event for event in fixture.events if isinstance(event, FunctionDeployed)]
        assert (deployed.artifact_digest, deployed.version) == (fixture.digest, fixture.digest[:12])
        assert HttpApiDeployed in map(type, fixture.events)
        assert (await fixture.engine.preview(fixture.work())).is_empty

    async def test_previews_and_counts_what_waits_for_code_or_for_another_app(self, fixture: EngineFixture) -> None:
        stack = replace(fixture.east, component="websocket")
        work = fixture.work_for(_OPEN, stack)
        planned = await fixture.engine.preview(work)

        applied = await fixture.deploy(work)

        published = [event.changes for event in fixture.events if isinstance(event, InfrastructureUpdated)]
        assert (planned.changes, published[-1]) == (applied.changes, applied.changes)
        assert published[0].create == applied.changes.create - 1
        assert (await fixture.engine.preview(work)).changes == ChangeCounts(same=applied.changes.create)
        guarded = await self._guard(fixture, stack)
        removed = await fixture.destroy(stack)
        assert removed == ChangeCounts(delete=applied.changes.create + guarded.create - guarded.delete)

    async def _guard(self, fixture: EngineFixture, stack: Stack) -> ChangeCounts:
        work = _guarded(fixture, stack)
        planned = await fixture.engine.preview(work)

        applied = await fixture.deploy(work)

        assert planned.changes == applied.changes
        changed = {(it.type.rpartition(":")[2], it.op) for it in planned.mutations}
        assert ("WebPubSubHub", "update") in changed
        assert (await fixture.engine.preview(work)).is_empty
        return applied.changes

    async def test_adds_a_gateway_and_names_it_and_the_app_with_their_secret(self, fixture: EngineFixture) -> None:
        stack = replace(fixture.east, environment="staging")

        applied = await fixture.deploy(fixture.work_for({}, stack))

        assert str(applied.outputs["endpoint"]).endswith(".azure-api.net")
        assert str(applied.outputs["function_name"])
        assert (await fixture.engine.preview(fixture.work_for({}, stack))).is_empty
