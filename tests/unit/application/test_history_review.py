"""Guardrails run over the plans in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.queries.history import ALL_STACKS, StackFilter
from semantest_iac.application.reviews.history_review import count_verdicts
from semantest_iac.application.reviews.recorded_plans import StackHistory
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from tests.fakes.application import REST, InMemoryApp

WITHOUT_ALARMS = {"monitoring": {"enabled": False}}


@pytest.fixture
async def app() -> InMemoryApp:
    """The application after three deployments of one stack and its destroy."""
    app = InMemoryApp()
    for configuration in (
        {},
        {"tags": {"owner": "core"}, **WITHOUT_ALARMS},
        {"components": {"rest-api": {"memory": 256}}},
    ):
        await app.use_cases.deploy(REST, configuration)
    return app


def review(app: InMemoryApp, stack_filter: StackFilter = ALL_STACKS, **guardrails: Any) -> list[tuple[str, list[str]]]:
    """Return verdict and reasons of every recorded plan."""
    settings = GuardrailsSection.model_validate(guardrails)
    reviewed = app.application.history_review.review(lambda stack, base: settings, stack_filter)
    return [(plan.verdict, [finding.reason for finding in plan.findings]) for plan in reviewed]


class TestHistory:
    async def test_is_judged_by_the_guardrails_of_today(self, app: InMemoryApp) -> None:
        verdicts = [verdict for verdict, _ in review(app, deletes={"max": 3, "effect": "refuse"})]

        assert verdicts == ["passed", "refused", "passed"]

    async def test_is_judged_by_what_was_known_then(self, app: InMemoryApp) -> None:
        (first, second, third) = review(
            app,
            usual={"effect": "ask"},
            tags={"required": ["owner"], "effect": "note"},
            cost={"max_rise": 0, "effect": "note"},
        )

        assert first == (
            "noted",
            [
                "costs an estimated $3.65 a month more ($0.00 → $3.65); $0.00 more is allowed",
                "the tag 'owner' is missing",
            ],
        )
        assert second[0] == "asked"
        assert third[0] == "noted"

    async def test_stays_the_same_without_projections(self, app: InMemoryApp) -> None:
        before = review(app, deletes={"max": 3}, usual={"effect": "ask"})
        app.ledger.rebuild()

        assert review(app, deletes={"max": 3}, usual={"effect": "ask"}) == before

    async def test_is_selected_by_stacks(self, app: InMemoryApp) -> None:
        assert review(app, StackFilter(component="websocket")) == []
        assert len(review(app, StackFilter(component="rest-api"))) == 3

    async def test_names_what_recorded_plans_do_not_hold(self, app: InMemoryApp) -> None:
        settings = GuardrailsSection(public_data="refuse")
        reviewed = app.application.history_review.review(lambda stack, base: settings)

        assert {plan.not_judged for plan in reviewed} == {("public_data",)}
        assert count_verdicts(reviewed) == {"passed": 3}

    async def test_asks_for_the_guardrails_of_each_stack(self, app: InMemoryApp) -> None:
        asked: list[tuple[Stack, str | None]] = []

        def find_guardrails(stack: Stack, base: str | None) -> GuardrailsSection:
            asked.append((stack, base))
            return GuardrailsSection()

        app.application.history_review.review(find_guardrails)

        assert asked == [(REST, None)] * 3


class TestPast:
    async def test_begins_anew_with_a_destroy(self, app: InMemoryApp) -> None:
        assert len(StackHistory.fold(app.ledger.stream(str(REST))).past.changes) == 3

        await app.use_cases.destroy(REST)
        past = StackHistory.fold(app.ledger.stream(str(REST))).past

        assert (past.changes, past.deployed) == ((), None)

    async def test_holds_what_is_deployed(self, app: InMemoryApp) -> None:
        deployed = StackHistory.fold(app.ledger.stream(str(REST))).past.deployed

        assert deployed is not None
        assert deployed.configuration == {"components": {"rest-api": {"memory": 256}}}
