"""Which engine a stack was deployed with."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.engines import engine_of
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.guardrails.engine_choice import (
    PULUMI,
    REAL,
    SANDBOX,
    SIMULATED,
    EngineChoice,
    choice_for,
    require_same,
)
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, a_destroy, an_event

_ASKED = {"environment": "development", "configuration": {"engine": PULUMI, "cloud": SIMULATED}}


class TestEngineOf:
    async def test_is_that_of_the_last_good_deployment(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])

        assert engine_of(ledger, STACK) == EngineChoice(PULUMI, SIMULATED)

    async def test_is_nobodys_after_a_destroy(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])
        await ledger.append(STACK, None, a_destroy())

        assert engine_of(ledger, STACK) is None


class TestChoice:
    @pytest.mark.parametrize(
        ("asked", "choice"),
        [
            (("development",), EngineChoice(SANDBOX, SIMULATED)),
            (("production",), EngineChoice(PULUMI, REAL)),
            (("production", SANDBOX), EngineChoice(SANDBOX, SIMULATED)),
            (("development", PULUMI, SIMULATED), EngineChoice(PULUMI, SIMULATED)),
        ],
        ids=["development plays", "production is real", "a rehearsal", "Pulumi's engine at play"],
    )
    def test_follows_the_environment_until_somebody_chooses(self, asked: tuple[str, ...], choice: EngineChoice) -> None:
        assert choice_for(*asked) == choice

    def test_of_the_sandbox_reaches_no_real_cloud(self) -> None:
        with pytest.raises(RefusedError):
            choice_for("development", SANDBOX, REAL)

    def test_of_another_engine_is_refused_where_something_is_deployed(self) -> None:
        with pytest.raises(RefusedError) as refusal:
            require_same(STACK, EngineChoice(), EngineChoice(PULUMI, SIMULATED))

        assert refusal.value.error_code == "ENGINE_DIFFERS"
