"""`history`, `events`, and the engines of stacks."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.history import (
    StackFilter,
    find_entrances,
    find_owning_engine,
    is_deployed_or_unfinished,
    is_served_locally,
    list_function_names,
    read_events,
    read_history,
    simulated_releases,
)
from semantest_iac.bootstrap.engines import ENGINES
from semantest_iac.domain.errors import NotFoundError, RefusedError, ValidationError
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

_WORKERS = ["orders-worker", "prices"]
OTHER = "websocket.azure.staging.westeurope"


@pytest.fixture
async def deployed(ledger: MemoryLedger) -> MemoryLedger:
    """Three deployments of two stacks: seven events, three, and seven."""
    await ledger.append(STACK, None, a_deploy("d1", endpoint="one"))
    await ledger.append(STACK, None, a_destroy("d2"))
    await ledger.append(OTHER, None, a_deploy("d3", stack=OTHER))
    return ledger


class TestHistory:
    def test_lists_every_deployment_newest_first(self, deployed: MemoryLedger) -> None:
        rows = [(row["deployment"], row["kind"], row["endpoint"]) for row in read_history(deployed)]

        assert rows == [("d3", "deploy", None), ("d2", "destroy", None), ("d1", "deploy", "one")]

    @pytest.mark.parametrize(
        ("stack_filter", "limit", "found"),
        [
            (StackFilter(), 2, ["d3", "d2"]),
            (StackFilter(provider="aws"), None, ["d2", "d1"]),
            (StackFilter(provider="aws"), 1, ["d2"]),
            (StackFilter(region="nowhere"), None, []),
        ],
        ids=["number", "filter", "both", "nothing"],
    )
    def test_can_be_filtered(
        self, deployed: MemoryLedger, stack_filter: StackFilter, limit: int | None, found: list[str]
    ) -> None:
        assert [row["deployment"] for row in read_history(deployed, stack_filter, limit)] == found


class TestEvents:
    def test_come_in_order_with_their_position_and_without_the_journal(self, deployed: MemoryLedger) -> None:
        found = [(event["sequence"], event["type"]) for event in read_events(deployed, deployment="d1")]

        assert found == [
            ("1", "infrastructure.deployment.requested"),
            ("2", "infrastructure.deployment.started"),
            ("3", "infrastructure.deployment.planned"),
            ("5", "infrastructure.function.deployed"),
            ("7", "infrastructure.deployment.completed"),
        ]

    def test_include_the_journal_on_request(self, deployed: MemoryLedger) -> None:
        assert len(read_events(deployed, journal=True)) == 17

    def test_can_be_of_one_stack(self, deployed: MemoryLedger) -> None:
        assert {event["subject"] for event in read_events(deployed, stack=STACK)} == {STACK}

    def test_continue_after_a_position(self, deployed: MemoryLedger) -> None:
        first = read_events(deployed, limit=5)
        rest = read_events(deployed, after=int(first[-1]["sequence"]))

        assert first + rest == read_events(deployed)

    @pytest.mark.parametrize("narrowed", [{"stack": STACK}, {"deployment": "d2"}], ids=["stack", "deployment"])
    def test_of_one_stack_continue_too(self, deployed: MemoryLedger, narrowed: dict[str, str]) -> None:
        found = read_events(
            deployed, after=8, limit=1, stack=narrowed.get("stack"), deployment=narrowed.get("deployment")
        )

        assert [event["type"] for event in found] == ["infrastructure.removed"]

    def test_of_an_unknown_deployment_are_not_found(self, deployed: MemoryLedger) -> None:
        with pytest.raises(NotFoundError, match="Cannot read events of deployment 'd9'"):
            read_events(deployed, deployment="d9")


_ASKED = {"environment": "development", "configuration": {"engine": PULUMI_ENGINE, "cloud": SIMULATED_CLOUD}}


class TestFunctionNames:
    @pytest.mark.parametrize(
        ("outputs", "names"),
        [
            (["endpoint", "function_name", "function_arn"], []),
            (["function_name_list_users", "function_arn_list_users", "endpoint"], ["list_users"]),
            (["functions_orders_worker", "functions_prices", "messaging_queue_orders", "network_id"], _WORKERS),
            (["etl_etl_processor", "etl_staging", "etl_pipeline"], ["etl-processor"]),
            (["services_orders_api", "services_environment", "services_registry"], ["orders-api"]),
        ],
        ids=["one", "of an API", "of the platform", "of a pipeline", "of services"],
    )
    async def test_follow_from_outputs(self, ledger: MemoryLedger, outputs: list[str], names: list[str]) -> None:
        await ledger.append(STACK, None, a_deploy("d1", outputs=dict.fromkeys(outputs, "one")))

        assert list_function_names(ledger, STACK) == names


class TestFindOwningEngine:
    async def test_is_that_of_a_deployment_that_was_interrupted(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:4]])

        assert find_owning_engine(ledger, STACK) == EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)
        assert is_deployed_or_unfinished(ledger, STACK)
        assert not is_served_locally(ledger, STACK)

    async def test_is_none_before_anything_was_changed(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:3]])

        assert find_owning_engine(ledger, STACK) is None
        assert is_deployed_or_unfinished(ledger, STACK)  # its newest deployment has not ended

    async def test_is_that_of_the_last_good_deployment(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])

        assert find_owning_engine(ledger, STACK) == EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)

    async def test_is_none_after_a_destroy(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [an_event("deployment.requested", data=_ASKED), *a_deploy()[1:]])
        await ledger.append(STACK, None, a_destroy())

        assert find_owning_engine(ledger, STACK) is None
        assert not is_deployed_or_unfinished(ledger, STACK)


class TestChoice:
    @pytest.mark.parametrize(
        ("asked", "choice"),
        [
            (("development",), EngineChoice(SANDBOX_ENGINE, SIMULATED_CLOUD)),
            (("production",), EngineChoice(PULUMI_ENGINE, REAL_CLOUD)),
            (("production", SANDBOX_ENGINE), EngineChoice(SANDBOX_ENGINE, SIMULATED_CLOUD)),
            (("development", PULUMI_ENGINE, SIMULATED_CLOUD), EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)),
        ],
        ids=["development", "production", "rehearsal", "pulumi-simulated"],
    )
    def test_follows_the_environment_without_a_choice(self, asked: tuple[str, ...], choice: EngineChoice) -> None:
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

    @pytest.mark.parametrize(
        ("component", "outputs", "entrances"),
        [
            ("platform", {"gateway_url": "https://g", "site_url": "https://s", "network_id": "n"}, ("site", "gateway")),
            ("platform", {"network_id": "n"}, ()),
            ("rest-api", {"site_url": "of a function of ours"}, ()),
        ],
    )
    async def test_are_those_of_platforms_with_a_gateway_or_a_site(
        self, ledger: MemoryLedger, component: str, outputs: dict[str, str], entrances: tuple[str, ...]
    ) -> None:
        stack = f"{component}.aws.development.us-east-1"
        await ledger.append(stack, None, a_deploy(stack=stack, outputs=outputs))
        answers = component == "rest-api" or bool(entrances)

        assert find_entrances(ledger.stack(stack)) == entrances
        assert (stack in simulated_releases(ledger), is_served_locally(ledger, stack)) == (answers, answers)
