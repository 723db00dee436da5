"""Configured guardrails judge deployments and destroys, with the past of their stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.domain.errors import ValidationError
from tests.fakes.application import REST, InMemoryApp

WITHOUT_ALARMS = {"monitoring": {"enabled": False}}
ALARMS = "alarm-concurrency, alarm-error-rate, alarm-latency, alarm-server-errors, alarm-throttles and 1 more"


@pytest.fixture
async def app() -> InMemoryApp:
    """The application with one deployment, which created everything."""
    app = InMemoryApp()
    await app.use_cases.deploy(REST, {})
    return app


async def deploy(app: InMemoryApp, configuration: dict[str, Any], **guardrails: Any) -> DeploymentRow:
    """Deploy a configuration with these guardrails."""
    return await app.use_cases.deploy(REST, configuration | {"guardrails": guardrails})


def read_error(row: DeploymentRow) -> tuple[str, str, str]:
    """Return state, code and message of a deployment that was rejected."""
    error = row.error or {}
    return row.state, error["code"], error["message"]


class TestDeployments:
    async def test_without_guardrails_are_not_judged(self, app: InMemoryApp) -> None:
        assert (await deploy(app, WITHOUT_ALARMS)).state == "completed"

    async def test_are_rejected_with_everything_that_was_found(self, app: InMemoryApp) -> None:
        row = await deploy(app, WITHOUT_ALARMS, deletes={"max": 1, "effect": "refuse"}, protected=["alerts"])
        state, code, message = read_error(row)

        assert (state, code) == ("rejected", "GUARDRAIL_REFUSED")
        assert f"deletes 6 resources, and 1 may be: {ALARMS}" in message
        assert "deletes alerts (fake), which is protected by 'alerts'" in message
        assert "alerts" in app.provisioner.clouds[str(REST)]

    async def test_wait_for_an_approval_where_a_guardrail_asks(self, app: InMemoryApp) -> None:
        assert (await deploy(app, WITHOUT_ALARMS, deletes={"max": 0})).state == "awaiting_approval"

    async def test_are_carried_out_where_it_only_notes(self, app: InMemoryApp) -> None:
        assert (await deploy(app, WITHOUT_ALARMS, deletes={"max": 0, "effect": "note"})).state == "completed"

    async def test_are_compared_with_completed_ones(self, app: InMemoryApp) -> None:
        row = await deploy(app, WITHOUT_ALARMS, usual={"effect": "refuse"})

        assert f"deletes 6 resources, the last deployment 0 at most: {ALARMS}" in read_error(row)[2]

    async def test_may_cost_so_much_more(self, app: InMemoryApp) -> None:
        warm = {"components": {"rest-api": {"instances": {"min": 10}, "memory": 2048}}}
        row = await deploy(app, warm, cost={"max_rise": 50, "effect": "refuse"})

        assert "costs an estimated $221.50 a month more ($3.65" in read_error(row)[2]
        assert (await deploy(app, warm, cost={"max_rise": 250, "effect": "refuse"})).state == "completed"

    async def test_wait_until_a_freeze_is_over(self, app: InMemoryApp) -> None:
        frozen = [{"start": "2025-12-31", "end": "2026-01-02", "reason": "new year"}]

        assert (
            "frozen until 2026-01-02T00:00Z: new year"
            in read_error(await deploy(app, WITHOUT_ALARMS, freeze=frozen))[2]
        )
        over = [{"start": "2025-12-31", "end": "2026-01-01"}]
        assert (await deploy(app, WITHOUT_ALARMS, freeze=over)).state == "completed"

    async def test_that_change_nothing_are_not_judged(self, app: InMemoryApp) -> None:
        assert (await deploy(app, {}, tags={"required": ["owner"]})).state == "completed"


class TestDestroys:
    async def test_are_judged_by_what_is_deployed(self, app: InMemoryApp) -> None:
        await deploy(app, WITHOUT_ALARMS, protected=["api"])
        row = await app.use_cases.destroy(REST)

        assert read_error(row)[:2] == ("rejected", "GUARDRAIL_REFUSED")
        assert "api" in app.provisioner.clouds[str(REST)]

    async def test_are_not_planned_where_no_guardrail_has_a_say(self, app: InMemoryApp) -> None:
        await deploy(app, WITHOUT_ALARMS, regions={"allowed": ["us-*"]}, public_data="refuse", usual={"effect": "note"})
        before = len(app.ledger.recorded)
        row = await app.use_cases.destroy(REST)

        assert row.state == "completed"
        assert "infrastructure.deployment.planned" not in [it.type for it in app.ledger.recorded[before:]]


class TestOwnGuardrails:
    """Those of the process that carries a request out."""

    @pytest.fixture
    async def own_app(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InMemoryApp:
        """The application in a folder whose file protects the alarms' topic, with one deployment."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "semantest.yaml").write_text("guardrails: {protected: [alerts]}\n", encoding="utf-8")
        app = InMemoryApp()
        await app.use_cases.deploy(REST, {})
        return app

    async def test_count_whatever_a_request_says(self, own_app: InMemoryApp) -> None:
        error = read_error(await deploy(own_app, WITHOUT_ALARMS, deletes={"max": 0, "effect": "refuse"}))

        assert error[1] == "GUARDRAIL_REFUSED"
        assert "deletes 6 resources, and 0 may be" in error[2]
        assert error[2].count("which is protected by 'alerts'") == 1

    async def test_are_not_said_twice(self, own_app: InMemoryApp) -> None:
        error = read_error(await deploy(own_app, WITHOUT_ALARMS, protected=["alerts"]))

        assert error[2].count("which is protected by 'alerts'") == 1

    async def test_judge_destroys_too(self, own_app: InMemoryApp) -> None:
        assert read_error(await own_app.use_cases.destroy(REST))[:2] == ("rejected", "GUARDRAIL_REFUSED")

    async def test_that_cannot_be_read_let_a_plan_wait(self, own_app: InMemoryApp, tmp_path: Path) -> None:
        (tmp_path / "semantest.yaml").write_text("guardrails: {protected: 7}\n", encoding="utf-8")
        row = await deploy(own_app, WITHOUT_ALARMS)

        assert row.state == "awaiting_approval"
        assert "nobody knows its guardrails" in str([it.event for it in own_app.ledger.recorded][-1])


class TestConfiguration:
    @pytest.mark.parametrize(
        ("guardrails", "path"),
        [
            ({"deletes": {"max": -1}}, "guardrails.deletes.max"),
            ({"freeze": [{"cron": "61 * * * *", "hours": 1}]}, "guardrails.freeze[0].cron"),
            ({"packs": ["other"]}, "guardrails.packs.0"),
        ],
    )
    async def test_with_faults_is_refused(self, app: InMemoryApp, guardrails: dict[str, Any], path: str) -> None:
        with pytest.raises(ValidationError) as caught:
            await deploy(app, {}, **guardrails)

        assert [fault.path for fault in caught.value.faults] == [path]
