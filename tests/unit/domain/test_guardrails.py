from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.guardrails.consent import (
    approve_any_plan,
    approve_harmless_plan,
    refuse_lost_state,
    require_consent,
)
from semantest_iac.domain.guardrails.engine_choice import (
    PULUMI_ENGINE,
    REHEARSAL_ADVICE,
    SANDBOX_ENGINE,
    EngineChoice,
    is_rehearsal,
    require_default_engine,
)
from semantest_iac.infrastructure.pulumi_engine.cli.requirements import require_pulumi_prerequisites

DEVELOPMENT = Stack("rest-api", "aws", "development", "us-east-1")
PRODUCTION = Stack("rest-api", "aws", "production", "us-east-1")


class TestRequireConsent:
    @pytest.mark.parametrize(
        ("stack", "said"),
        [(DEVELOPMENT, "yes"), (DEVELOPMENT, str(DEVELOPMENT)), (PRODUCTION, str(PRODUCTION))],
        ids=["yes", "name", "name-of-production"],
    )
    def test_accepts_the_required_answer(self, stack: Stack, said: str) -> None:
        require_consent(stack, said)

    @pytest.mark.parametrize(
        ("stack", "said", "hint"),
        [
            (DEVELOPMENT, "", "Add --yes."),
            (DEVELOPMENT, str(PRODUCTION), "Add --yes."),
            (PRODUCTION, "yes", f"Type the stack's name: {PRODUCTION}"),
            (PRODUCTION, str(DEVELOPMENT), f"Type the stack's name: {PRODUCTION}"),
        ],
        ids=["nothing", "another-name", "yes-in-production", "another-name-in-production"],
    )
    def test_refuses_other_answers_with_a_hint(self, stack: Stack, said: str, hint: str) -> None:
        with pytest.raises(RefusedError) as caught:
            require_consent(stack, said)

        assert (caught.value.error_code, caught.value.hint) == ("CONSENT_MISSING", hint)

    def test_protects_what_is_or_was_based_on_production(self) -> None:
        stack = Stack("rest-api", "aws", "prod-eu", "us-east-1")

        with pytest.raises(RefusedError, match="was not confirmed"):
            require_consent(stack, "yes", ("development", "production"))
        require_consent(stack, "yes", ("development", "development"))


class TestRefuseLostState:
    @pytest.mark.parametrize(
        ("operations", "drift", "is_deployed", "is_refused"),
        [
            (["create", "create"], [], True, True),
            (["create", "create"], [], False, False),
            (["create", "same"], [], True, False),
            (["create", "delete"], [], True, False),
            (["create", "create"], ["delete", "delete"], True, False),
            ([], [], True, False),
        ],
        ids=["lost", "new", "a resource more", "other resources", "deleted in the cloud", "code alone"],
    )
    async def test_refuses_to_create_everything_again(
        self, operations: list[Any], drift: list[Any], is_deployed: bool, is_refused: bool
    ) -> None:
        def list_changes(ops: list[Any]) -> tuple[PlannedChange, ...]:
            return tuple(PlannedChange(f"u{i}", "t", f"r{i}", op) for i, op in enumerate(ops))

        approve = refuse_lost_state(lambda _: is_deployed, approve_any_plan)

        try:
            await approve(PRODUCTION, ChangePlan(list_changes(operations), drift=list_changes(drift)))
            code = None
        except RefusedError as error:
            code = error.error_code

        assert code == ("STATE_MISSING" if is_refused else None)


class TestApproveHarmlessPlan:
    """What the Python API and requests that arrive as events may do to a real cloud."""

    @pytest.mark.parametrize(
        ("operations", "faults"),
        [
            (["create", "update", "keep", "same"], []),
            (["create", "delete", "replace"], ["delete: r1 (t)", "replace: r2 (t)"]),
        ],
        ids=["harmless", "destructive"],
    )
    async def test_refuses_what_replaces_or_deletes(self, operations: list[Any], faults: list[str]) -> None:
        changes = [PlannedChange(f"u{i}", "t", f"r{i}", op) for i, op in enumerate(operations)]

        try:
            await approve_harmless_plan(DEVELOPMENT, ChangePlan(tuple(changes)))
            refused = []
        except RefusedError as error:
            assert error.error_code == "CONSENT_MISSING"
            refused = [f"{fault.path}: {fault.message}" for fault in error.faults]

        assert refused == faults


class TestRequireDefaultEngine:
    def test_is_the_sandbox_in_development(self) -> None:
        assert require_default_engine("development", [SANDBOX_ENGINE, PULUMI_ENGINE]) == SANDBOX_ENGINE

    @pytest.mark.parametrize("environment", ["qa", "staging", "production"])
    def test_is_pulumi_elsewhere(self, environment: str) -> None:
        assert require_default_engine(environment, [SANDBOX_ENGINE, PULUMI_ENGINE]) == PULUMI_ENGINE

    @pytest.mark.parametrize("environment", ["qa", "staging", "production"])
    def test_never_simulates_other_environments(self, environment: str) -> None:
        with pytest.raises(RefusedError, match=f"Cannot deploy to '{environment}'") as caught:
            require_default_engine(environment, [SANDBOX_ENGINE])

        assert caught.value.error_code == "ENGINE_UNAVAILABLE"
        assert REHEARSAL_ADVICE in caught.value.hint


class TestRehearsal:
    @pytest.mark.parametrize(
        ("environment", "choice", "expected"),
        [
            ("development", EngineChoice(SANDBOX_ENGINE, "sandbox"), False),
            ("staging", EngineChoice(SANDBOX_ENGINE, "sandbox"), True),
            ("production", EngineChoice(PULUMI_ENGINE, "sandbox"), True),
            ("production", EngineChoice(PULUMI_ENGINE, "real"), False),
        ],
    )
    def test_is_what_stands_in_for_a_real_cloud(self, environment: str, choice: EngineChoice, expected: bool) -> None:
        assert is_rehearsal(environment, is_simulated=choice.is_simulated) is expected

    def test_is_advised_without_credentials(self) -> None:
        with pytest.raises(RefusedError) as caught:
            require_pulumi_prerequisites("aws", real_cloud=True, variables={})

        assert caught.value.hint == REHEARSAL_ADVICE
        assert "--cloud sandbox" in REHEARSAL_ADVICE
        assert "--engine sandbox" in REHEARSAL_ADVICE
