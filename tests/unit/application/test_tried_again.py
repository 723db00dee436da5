"""Deployments and destroys whose steps are throttled, and go on."""

from __future__ import annotations

from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.domain.errors import ProviderError, ThrottledError, UnreachableStoreError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from tests.fakes.application import REST, VARIABLES, InMemoryApp, configuration_of
from tests.unit.application.test_process import APPLIED, READ_ONLY_STEPS, VERIFIED

REFUSED = ProviderError("Cannot deploy 'function': no quota.", "Quota", provider="aws")
THROTTLED = ThrottledError("Cannot do it: slower.", provider="aws")


class TestThrottling:
    async def test_is_followed_by_the_rest_of_the_plan(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", THROTTLED)
        row = await app.deploy()

        tried = [APPLIED[0], "journal.step.retried:apply", *APPLIED[1:]]
        assert app.recorded == [*READ_ONLY_STEPS, *tried, *VERIFIED]
        assert (row.state, row.changes["create"]) == ("completed", len(app.provisioner.clouds[str(REST)]))

    async def test_is_journalled_with_its_reason_and_the_pause(self, app: InMemoryApp) -> None:
        app.points.fail("preview", THROTTLED)
        await app.deploy()

        [retried] = [row.event["data"] for row in app.ledger.recorded if row.type.endswith("step.retried")]
        told = {key: retried[key] for key in ("step", "attempt", "code", "reason")}
        assert told == {
            "step": "preview",
            "attempt": 2,
            "code": "PROVIDER_THROTTLED",
            "reason": "Cannot do it: slower.",
        }
        assert 0.0 <= retried["pause_s"] <= 0.1

    async def test_that_does_not_end_is_rolled_back(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", *[THROTTLED] * 5)
        row = await app.deploy()

        assert app.recorded.count("journal.step.retried:apply") == 4
        assert app.recorded.count("update.failed") == 1
        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rolled_back", {})

    async def test_does_not_stop_a_rollback(self, app: InMemoryApp) -> None:
        app.points.fail("apply:function", REFUSED)
        app.points.fail("remove:api", THROTTLED)
        row = await app.deploy()

        assert (row.state, app.recorded.count("journal.step.retried:roll_back")) == ("rolled_back", 1)

    async def test_does_not_stop_a_destroy(self, app: InMemoryApp) -> None:
        made = (await app.deploy()).changes["create"]
        app.points.fail("remove:api", THROTTLED)
        row = await app.use_cases.destroy(REST)

        assert (row.state, row.changes["delete"]) == ("completed", made)

    async def test_of_the_store_of_packages_does_not_stop_a_worker(self, app: InMemoryApp) -> None:
        await app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        app.points.fail("fetch_package", UnreachableStoreError("Cannot reach it."))
        await app.application.worker(VARIABLES).run_until_idle()

        assert "journal.step.retried:build_artifact" in app.recorded
        assert [row.state for row in app.ledger.deployments()] == ["completed"]

    async def test_ends_where_something_else_would_have_to_be_changed_now(self, app: InMemoryApp) -> None:
        def interfere(tick: ResourceProgress) -> None:
            if tick.op == "wait":
                app.provisioner.clouds[str(REST)]["stray"] = "made by somebody else"

        app.points.fail("apply:function", THROTTLED)
        row = await app.application.deployments(VARIABLES, progress=interfere).deploy(REST, configuration_of())

        assert row.error is not None
        assert (row.state, row.error["code"]) == ("rolled_back", "PLAN_STALE")
        assert "urn:stray: now to do: delete." in row.error["message"]
