"""What people ask for, and what they get."""

from __future__ import annotations

import pytest

from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import LedgerError, NotFoundError, ValidationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from tests.fakes.house import ACCOUNT, REST, House, configured
from tests.fakes.memory_ledger import MemoryLedger


class TestDeploymentUseCase:
    async def test_answers_a_deployment_with_how_it_ended(self, house: House) -> None:
        row = await house.use_cases.deploy(REST, configured(memory=256), by="alice")

        assert (row.kind, row.state, row.stack) == ("deploy", "completed", str(REST))
        assert house.ledger.recorded[0].event["data"]["requested_by"] == "alice"

    async def test_builds_the_package_of_a_deployment_once(self, house: House) -> None:
        await house.use_cases.deploy(REST, configured(memory=256))

        assert len(house.artifacts.built) == 1

    async def test_does_not_validate_the_settings_of_a_spec_again(self, house: House) -> None:
        settings = resolve_component(DeploymentConfiguration(), "rest-api", "development")

        row = await house.use_cases.deploy(REST, configured(memory=64), settings=settings)

        assert row.state == "completed"

    async def test_completes_what_has_no_code_and_no_answer(self, house: House) -> None:
        house.probe.answers = [500]

        row = await house.use_cases.deploy(ACCOUNT, {})

        assert row.state == "completed"
        assert "journal.package.built" not in house.told

    async def test_calls_nobody_where_nothing_answers(self, house: House) -> None:
        with pytest.raises(NotFoundError, match="it has no endpoint"):
            await house.use_cases.call(ACCOUNT, HttpRequest("GET", "/health"))

    async def test_previews_without_recording_or_changing_anything(self, house: House) -> None:
        attempt = await house.use_cases.preview(REST, configured(memory=256))

        assert attempt.plan.changes.create > 0
        assert (house.ledger.recorded, house.provisioner.clouds) == ([], {})

    async def test_previews_what_a_deployment_would_then_do(self, house: House) -> None:
        await house.deploy(memory=256)
        attempt = await house.use_cases.preview(REST, configured(memory=512))
        row = await house.deploy(memory=512)

        assert attempt.plan.changes.model_dump() == row.changes
        assert [change.name for change in attempt.plan.mutations] == ["function"]

    async def test_refuses_to_preview_what_may_not_be_deployed(self, house: House) -> None:
        with pytest.raises(ValidationError):
            await house.use_cases.preview(REST, configured(memory=64))

    async def test_previews_a_removal(self, house: House) -> None:
        row = await house.deploy()
        plan = await house.use_cases.preview_destroy(REST)

        assert plan.changes.delete == row.changes["create"]

    async def test_answers_a_removal_with_how_it_ended(self, house: House) -> None:
        await house.deploy()
        row = await house.use_cases.destroy(REST, by="bob")

        assert (row.kind, row.state) == ("destroy", "completed")

    async def test_calls_the_service(self, house: House) -> None:
        answer = await house.use_cases.call(REST, HttpRequest("POST", "/api/items"))

        assert answer.response.body == b"POST /api/items"

    async def test_passes_on_that_nothing_is_there_to_call(self, house: House) -> None:
        house.points.fail("call", NotFoundError("Cannot call it: nothing is there."))

        with pytest.raises(NotFoundError):
            await house.use_cases.call(REST, HttpRequest("GET", "/"))

    async def test_says_so_when_the_ledger_forgot_a_deployment(self, house: House) -> None:
        blank = DeploymentUseCase(
            house.intake,
            house.process,
            DeploymentService(house.provisioner, house.artifacts, house.probe),
            house.probe,
            MemoryLedger(),
        )

        with pytest.raises(LedgerError, match="after it ended"):
            await blank.deploy(REST, {})
