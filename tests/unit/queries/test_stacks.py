"""Which engine deployed a stack, which engines may, and which stacks are served on this machine."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.stacks import find_engine, is_served_locally, simulated_releases
from semantest_iac.bootstrap.engines import ENGINES
from semantest_iac.domain.errors import RefusedError, ValidationError
from semantest_iac.domain.guardrails.engine_choice import (
    PULUMI_ENGINE,
    REAL_CLOUD,
    SANDBOX_ENGINE,
    SIMULATED_CLOUD,
    EngineChoice,
    choose_engine,
    require_same_engine,
    require_suitable_engine,
)
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, a_destroy, an_event

_ASKED = {"environment": "development", "configuration": {"engine": PULUMI_ENGINE, "cloud": SIMULATED_CLOUD}}


class TestEngineOf:
    async def test_is_that_of_the_last_good_deployment(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])

        assert find_engine(ledger, STACK) == EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)

    async def test_is_nobodys_after_a_destroy(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])
        await ledger.append(STACK, None, a_destroy())

        assert find_engine(ledger, STACK) is None


class TestChoice:
    @pytest.mark.parametrize(
        ("asked", "choice"),
        [
            (("development",), EngineChoice(SANDBOX_ENGINE, SIMULATED_CLOUD)),
            (("production",), EngineChoice(PULUMI_ENGINE, REAL_CLOUD)),
            (("production", SANDBOX_ENGINE), EngineChoice(SANDBOX_ENGINE, SIMULATED_CLOUD)),
            (("development", PULUMI_ENGINE, SIMULATED_CLOUD), EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)),
        ],
        ids=["development plays", "production is real", "a rehearsal", "Pulumi's engine at play"],
    )
    def test_follows_the_environment_until_somebody_chooses(self, asked: tuple[str, ...], choice: EngineChoice) -> None:
        assert choose_engine(*asked) == choice

    def test_of_the_sandbox_reaches_no_real_cloud(self) -> None:
        with pytest.raises(RefusedError):
            require_suitable_engine(EngineChoice(SANDBOX_ENGINE, REAL_CLOUD), ENGINES)

    def test_of_an_unknown_engine_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(ValidationError) as refusal:
            require_suitable_engine(EngineChoice("terraform", REAL_CLOUD), ENGINES)

        assert refusal.value.faults[0].hint == "Known: sandbox, pulumi."

    def test_of_another_engine_is_refused_where_something_is_deployed(self) -> None:
        with pytest.raises(RefusedError) as refusal:
            require_same_engine(STACK, EngineChoice(), EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD))

        assert refusal.value.error_code == "ENGINE_DIFFERS"


class TestReleases:
    @pytest.mark.parametrize(("component", "answers"), [("websocket", True), ("account", False)])
    async def test_are_those_of_services(self, ledger: MemoryLedger, component: str, answers: bool) -> None:
        stack = f"{component}.aws.development.us-east-1"
        await ledger.append(stack, None, a_deploy(stack=stack))

        assert (stack in simulated_releases(ledger), is_served_locally(ledger, stack)) == (answers, answers)
