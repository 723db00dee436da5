"""The use cases and their results."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.rollback_targets import find_undone_target
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import ArtifactError, LedgerError, NotFoundError, ValidationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from tests.fakes.application import ACCOUNT, REST, InMemoryApp, configuration_of
from tests.fakes.memory_ledger import MemoryLedger


class ForgetfulLedger(MemoryLedger):
    """Finds no deployment."""

    def deployment(self, deployment: str) -> None:
        return None


class TestDeploymentUseCase:
    async def test_returns_how_a_deployment_ended(self, app: InMemoryApp) -> None:
        row = await app.use_cases.deploy(REST, configuration_of(memory=256), by="alice")

        assert (row.kind, row.state, row.stack) == ("deploy", "completed", str(REST))
        assert app.ledger.recorded[0].event["data"]["requested_by"] == "alice"

    async def test_builds_the_package_of_a_deployment_once(self, app: InMemoryApp) -> None:
        await app.use_cases.deploy(REST, configuration_of(memory=256))

        assert len(app.artifacts.built) == 1

    async def test_does_not_validate_the_settings_of_a_spec_again(self, app: InMemoryApp) -> None:
        settings = resolve_component(DeploymentConfiguration(), "rest-api", "development")

        row = await app.use_cases.deploy(REST, configuration_of(memory=64), settings=settings)

        assert row.state == "completed"

    async def test_completes_a_stack_without_code_and_endpoint(self, app: InMemoryApp) -> None:
        app.probe.answers = [500]

        row = await app.use_cases.deploy(ACCOUNT, {})

        assert row.state == "completed"
        assert "journal.package.built" not in app.recorded

    async def test_refuses_to_call_a_stack_without_an_endpoint(self, app: InMemoryApp) -> None:
        with pytest.raises(NotFoundError, match="it has no endpoint"):
            await app.use_cases.call(ACCOUNT, HttpRequest("GET", "/health"))

    async def test_previews_without_recording_or_changing_anything(self, app: InMemoryApp) -> None:
        attempt = await app.use_cases.preview(REST, configuration_of(memory=256))

        assert attempt.plan.changes.create > 0
        assert (app.ledger.recorded, app.provisioner.clouds) == ([], {})

    async def test_previews_what_a_deployment_would_then_do(self, app: InMemoryApp) -> None:
        await app.deploy(memory=256)
        attempt = await app.use_cases.preview(REST, configuration_of(memory=512))
        row = await app.deploy(memory=512)

        assert attempt.plan.changes.model_dump() == row.changes
        assert [change.name for change in attempt.plan.mutations] == ["function"]

    async def test_deploys_the_last_good_deployment_again(self, app: InMemoryApp) -> None:
        first = await app.deploy(memory=256)
        app.points.fail("build", ArtifactError("Cannot build: the source is gone."))
        del app.provisioner.clouds[str(REST)]["function"]

        row = await app.use_cases.redeploy(REST, by="bob")

        request = next(it.event["data"] for it in app.ledger.log(row.position - 1, limit=1))
        assert (row.state, row.changes["create"]) == ("completed", 1)
        assert (row.deployment != first.deployment, len(app.artifacts.built)) == (True, 1)
        assert (request["configuration"], request["requested_by"]) == (configuration_of(memory=256), "bob")

    async def test_a_rollback_goes_past_what_was_only_deployed_again(self, app: InMemoryApp) -> None:
        first = await app.deploy(memory=256)
        second = await app.deploy(memory=512)
        del app.provisioner.clouds[str(REST)]["function"]
        again = await app.use_cases.redeploy(REST)

        target = find_undone_target(app.ledger, str(REST))

        assert again.changes["create"] == 1
        assert (target.deployment, second.state) == (first.deployment, "completed")

    async def test_a_rollback_undoes_another_configuration_that_was_deployed_with_a_refresh(
        self, app: InMemoryApp
    ) -> None:
        first = await app.deploy(memory=256)
        await app.use_cases.deploy(REST, configuration_of(memory=512), refresh=True)

        assert find_undone_target(app.ledger, str(REST)).deployment == first.deployment

    async def test_deploys_nothing_again_where_nothing_was_good(self, app: InMemoryApp) -> None:
        with pytest.raises(NotFoundError, match="it has no completed deployment"):
            await app.use_cases.redeploy(REST)

    async def test_refuses_to_preview_an_invalid_configuration(self, app: InMemoryApp) -> None:
        with pytest.raises(ValidationError):
            await app.use_cases.preview(REST, configuration_of(memory=64))

    async def test_previews_a_destroy(self, app: InMemoryApp) -> None:
        row = await app.deploy()
        plan = await app.use_cases.preview_destroy(REST)

        assert plan.changes.delete == row.changes["create"]

    async def test_returns_how_a_destroy_ended(self, app: InMemoryApp) -> None:
        await app.deploy()
        row = await app.use_cases.destroy(REST, by="bob")

        assert (row.kind, row.state) == ("destroy", "completed")

    async def test_calls_the_service(self, app: InMemoryApp) -> None:
        answer = await app.use_cases.call(REST, HttpRequest("POST", "/api/items"))

        assert answer.response.body == b"POST /api/items"

    async def test_raises_when_nothing_is_deployed(self, app: InMemoryApp) -> None:
        app.points.fail("call", NotFoundError("Cannot call it: nothing is there."))

        with pytest.raises(NotFoundError):
            await app.use_cases.call(REST, HttpRequest("GET", "/"))

    async def test_raises_when_the_ledger_does_not_hold_the_deployment(self) -> None:
        app = InMemoryApp(ForgetfulLedger())

        with pytest.raises(LedgerError, match="Cannot find the request of deployment"):
            await app.use_cases.deploy(REST, {})
