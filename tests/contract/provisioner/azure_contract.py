"""What an engine promises of the rest-api on Azure."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac_events.infrastructure import FunctionDeployed, HttpApiDeployed, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts
from tests.contract.provisioner.provisioner_contract import Bench

_APP = "azure-native:web:WebApp"
_ALERTS = [{"type": "error_rate", "threshold": 0.05}, {"type": "latency", "threshold": 800}]
_SIGNED = {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.jwt}"}
_OPEN = {"components": {"websocket": {"environment": {"AUTHENTICATION_REQUIRED": "false"}}}}
_SECRET = {"TOKEN": "${secrets.token}"}


def _guarded(bench: Bench, stack: Stack) -> Work:
    """With an authorizer, which is an app and a package of its own."""
    work = bench.works({"components": {"websocket": {"environment": _SIGNED}}}, stack)
    path = bench.package.with_name("guard.zip")
    path.write_bytes(b"a guard")
    guard = Artifact(sha256(path.read_bytes()).hexdigest(), path, "guard.handler", "python3.13", 7)
    assert work.artifact is not None
    return replace(work, artifact=replace(work.artifact, companions={"authorizer": guard}))


class AzureContract:
    """The promises; a subclass gives the `bench` whose engine has to keep them."""

    async def test_changes_the_app_only_for_more_memory_and_tells_of_it(self, bench: Bench) -> None:
        await bench.deploy(bench.work(memory=512))
        plan = await bench.engine.preview(bench.work(memory=4096))
        bench.events.clear()

        await bench.deploy(bench.work(memory=4096))

        changed = [(change.type, change.op, change.why[0].partition(".")[0]) for change in plan.mutations]
        assert (changed, plan.lacks_code) == ([(_APP, "update", "functionAppConfig")], False)
        assert [event.memory_mb for event in bench.events if isinstance(event, FunctionDeployed)] == [4096]

    async def test_deletes_that_alarm_only_when_one_is_no_longer_wanted(self, bench: Bench) -> None:
        await bench.deploy(bench.works({"monitoring": {"alerts": _ALERTS}}))

        plan = await bench.engine.preview(bench.works({"monitoring": {"alerts": _ALERTS[:1]}}))

        assert [(change.op, change.name) for change in plan.mutations] == [("delete", "alarm-latency")]

    async def test_makes_secrets_again_although_the_name_of_their_vault_stays_reserved(self, bench: Bench) -> None:
        first = await bench.deploy(bench.work(environment=_SECRET))
        plan = await bench.engine.preview_destroy(bench.east)
        await bench.destroy()

        again = await bench.deploy(bench.work(generation=2, environment=_SECRET))

        lost = {change.type for change in plan.resources if change.reversible == "irreversible"}
        assert lost == {"azure-native:operationalinsights:Workspace", "azure-native:keyvault:Vault"}
        assert again.changes == first.changes
        assert again.outputs["function_name"] != first.outputs["function_name"]

    async def test_publishes_a_changed_package_and_says_so_before(self, bench: Bench) -> None:
        await bench.deploy(bench.work())
        bench.package.write_bytes(b"another package")
        plan = await bench.engine.preview(bench.work())
        bench.events.clear()

        await bench.deploy(bench.work())

        assert [(change.type, change.op, plan.lacks_code) for change in plan.mutations] == [(_APP, "update", True)]
        [told] = [event for event in bench.events if isinstance(event, FunctionDeployed)]
        assert (told.artifact_digest, told.version) == (bench.digest, bench.digest[:12])
        assert HttpApiDeployed in map(type, bench.events)
        assert (await bench.engine.preview(bench.work())).is_empty

    async def test_publishes_what_a_cut_off_deployment_did_not(self, bench: Bench) -> None:
        work = bench.work()
        plan = await bench.engine.preview(work)
        await apply_plan(bench.engine, work, plan, bench, lambda tick: None)
        told = [type(event) for event in bench.events]

        plan = await bench.engine.preview(work)
        applied = await bench.deploy(work)

        assert FunctionDeployed not in told
        assert (plan.lacks_code, plan.is_empty) == (True, False)
        assert applied.changes == ChangeCounts(same=applied.changes.same)
        assert FunctionDeployed in map(type, bench.events)
        assert (await bench.engine.preview(work)).is_empty

    async def test_foretells_and_counts_what_waits_for_code(self, bench: Bench) -> None:
        stack = replace(bench.east, component="websocket")
        work = bench.works(_OPEN, stack)
        foreseen = await bench.engine.preview(work)

        applied = await bench.deploy(work)

        told = [event.changes for event in bench.events if isinstance(event, InfrastructureUpdated)]
        assert (foreseen.changes, told[-1]) == (applied.changes, applied.changes)
        assert told[0].create == applied.changes.create - 1
        assert (await bench.engine.preview(work)).changes == ChangeCounts(same=applied.changes.create)
        assert await bench.destroy(stack) == ChangeCounts(delete=applied.changes.create)

    async def test_foretells_and_counts_what_changes_only_when_another_app_runs(self, bench: Bench) -> None:
        stack = replace(bench.east, component="websocket")
        await bench.deploy(bench.works(_OPEN, stack))
        work = _guarded(bench, stack)
        foreseen = await bench.engine.preview(work)

        applied = await bench.deploy(work)

        assert foreseen.changes == applied.changes
        changed = {(it.type.rpartition(":")[2], it.op) for it in foreseen.mutations}
        assert ("WebPubSubHub", "update") in changed
        assert (await bench.engine.preview(work)).is_empty

    async def test_puts_a_gateway_before_the_app_and_names_both_beside_their_secret(self, bench: Bench) -> None:
        stack = replace(bench.east, environment="staging")

        applied = await bench.deploy(bench.works({}, stack))

        assert str(applied.outputs["endpoint"]).endswith(".azure-api.net")
        assert str(applied.outputs["function_name"])
        assert (await bench.engine.preview(bench.works({}, stack))).is_empty
