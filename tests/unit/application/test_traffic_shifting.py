"""A deployment that gives its new version the traffic step by step."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.deployment.recovery import failure_event
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.application.deployment.traffic.traffic_shifting import TrafficShifter
from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.traffic_shifts import is_shifting, request_shift
from semantest_iac.domain.errors import InvalidStateError, ProviderError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent
from tests.fakes.application import REST, VARIABLES, InMemoryApp
from tests.fakes.memory_ledger import STACK_PARTS as ABOUT
from tests.fakes.timer import FakeTimer
from tests.fakes.versioned_provisioner import FakeTraffic, VersionedProvisioner

LIMITER = StepLimiter(FakeTimer())
GOOD, BAD = TrafficObservation(100, 0), TrafficObservation(100, 5)
SHIFTED = "traffic.shifted"


class CanaryRun:
    """One deployment with two shares, whose runs a test makes one after the other."""

    def __init__(self, app: InMemoryApp) -> None:
        self.app = app
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.traffic = FakeTraffic([GOOD])
        app.provisioner = VersionedProvisioner(app.points)
        self.engine = app.provisioner
        service = app.service
        preparation = Preparation(app.application.validation, app.application.secrets(VARIABLES), service, LIMITER)
        shifter = TrafficShifter(app.ledger, self.traffic, lambda: self.now)
        self.process = DeploymentProcess(
            preparation, service, app.bus, app.ledger, app.progress.append, LIMITER, shifter=shifter
        )
        self.request = DeploymentRequested(**ABOUT)

    async def deploy(self, **section: Any) -> StackEvent | None:
        """Request a deployment and carry out its first run."""
        self.request = DeploymentRequested(**ABOUT, configuration={"components": {"rest-api": section}})
        await self.app.bus.record(self.request)
        return await self.go_on()

    async def go_on(self, seconds: float = 0) -> StackEvent | None:
        """Carry out another run after so many seconds, and record how it ended."""
        self.now += timedelta(seconds=seconds)
        try:
            end = await self.process.deploy_or_watch(self.request)
        except Exception as error:
            end = failure_event(self.app.ledger, self.request, error)
        if end is not None:
            await self.app.bus.publish(end.caused_by(self.request))
        return end

    async def decide(self, shift: Literal["promote", "return"]) -> None:
        """Record what a person decides."""
        deployment = read_deployment(self.app.ledger, self.request.deployment_id)
        assert deployment is not None
        await self.app.bus.record(request_shift(deployment, shift, "ana", "slow search"))

    async def decide_during(self, point: str, shift: Literal["promote", "return"], seconds: float) -> None:
        """Carry out another run, during which a person decides."""
        released = asyncio.Event()
        arrived = self.app.points.hold(point, released)
        passing = asyncio.create_task(self.go_on(seconds))
        await arrived.wait()
        await self.decide(shift)
        released.set()
        await passing

    async def begin(self, **canary: Any) -> None:
        """Deploy an old version, then a new one with a canary."""
        await self.deploy()
        await self.deploy(memory=1024, canary={"steps": [10, 50], "bake_s": 60, **canary})

    @property
    def shares(self) -> list[int]:
        """The shares that the engine was to give to the new version, 100 for all of the traffic."""
        return [100 if not version else share for version, share in self.engine.__dict__["shares"][1:]]

    @property
    def last(self) -> str:
        return self.app.recorded[-1]


@pytest.fixture
def run(app: InMemoryApp) -> CanaryRun:
    return CanaryRun(app)


class TestShares:
    async def test_follow_each_other_and_end_with_all_of_the_traffic(self, run: CanaryRun) -> None:
        await run.begin()
        await run.go_on(60)
        await run.go_on(60)

        assert run.shares == [10, 50, 100]
        assert run.last == "deployment.completed"
        row = run.app.ledger.deployment(run.request.deployment_id)
        assert row is not None and (row.state, row.changes["update"]) == ("completed", 4)

    async def test_are_recorded_with_their_end_and_their_reasons(self, run: CanaryRun) -> None:
        await run.begin()
        await run.go_on(60)

        shifts = [it.event["data"] for it in run.app.ledger.recorded if it.type == f"infrastructure.{SHIFTED}"]
        assert [(it["weight"], it["until"]) for it in shifts] == [
            (10, "2026-01-01T00:01:00Z"),
            (50, "2026-01-01T00:02:00Z"),
        ]
        assert shifts[1]["reasons"] == ["100 requests, none failed"]

    async def test_stay_until_their_time_is_over_and_nothing_is_recorded(self, run: CanaryRun) -> None:
        await run.begin()
        before = len(run.app.recorded)

        assert await run.go_on(59) is None
        assert (len(run.app.recorded), run.shares) == (before, [10])

    async def test_are_observed_since_they_began(self, run: CanaryRun) -> None:
        await run.begin()
        await run.go_on(1)

        [since] = run.traffic.asked
        assert [since] == [
            datetime.fromisoformat(it.event["time"])
            for it in run.app.ledger.recorded
            if it.type == f"infrastructure.{SHIFTED}"
        ]
        assert run.traffic.prepared == 1

    async def test_do_not_ask_for_another_approval(self, run: CanaryRun) -> None:
        await run.begin()
        await run.go_on(60)

        assert [name for name in run.app.recorded if name.startswith("approval")] == []


class TestReturn:
    @pytest.mark.parametrize("at", [0, 1], ids=["first share", "second share"])
    async def test_follows_failures_at_once(self, run: CanaryRun, at: int) -> None:
        await run.begin()
        for _ in range(at):
            await run.go_on(60)
        run.traffic.observations = [BAD]
        end = await run.go_on(1)

        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"
        assert run.shares == [*[10, 50][: at + 1], 0, 100]
        assert run.engine.clouds[str(REST)]["function"].count("memory_mb=512") == 1
        row = run.app.ledger.deployment(run.request.deployment_id)
        assert row is not None and row.error is not None
        assert row.error["code"] == "CANARY_RETURNED"
        assert "5 failed (5.0 %): more than 1 %" in row.error["message"]

    async def test_counts_what_was_done_before(self, run: CanaryRun) -> None:
        await run.begin()
        run.traffic.observations = [BAD]
        await run.go_on(1)

        shifts = [it.event["data"] for it in run.app.ledger.log() if it.type.endswith("traffic.shifted")]
        counts = [it["changes"]["update"] for it in shifts]
        row = run.app.ledger.deployment(run.request.deployment_id)
        assert row is not None and 0 < counts[0] < counts[1] < row.changes["update"]

    async def test_moves_the_traffic_before_the_rest(self, run: CanaryRun) -> None:
        await run.begin()
        run.traffic.observations = [BAD]
        await run.go_on(1)

        recorded = run.app.recorded
        last = len(recorded) - 1 - recorded[::-1].index(SHIFTED)
        assert recorded.index("journal.step.failed:judge") < last < recorded.index("journal.step.intended:roll_back")

    async def test_follows_a_failed_pass(self, run: CanaryRun) -> None:
        await run.begin()
        run.app.points.fail("apply:live", ProviderError("No.", "Quota", provider="aws", resource="urn:live"))
        end = await run.go_on(60)

        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"
        assert run.shares[-1] == 100

    async def test_follows_an_unhealthy_answer(self, run: CanaryRun) -> None:
        await run.begin()
        run.app.probe.answers = [500, 200]
        end = await run.go_on(60)

        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"

    async def test_follows_traffic_that_is_not_measured_for_too_long(self, run: CanaryRun) -> None:
        await run.begin()
        run.traffic.observations = [ProviderError("No metrics.", "Gone", provider="aws", resource="")]

        assert await run.go_on(90) is None
        end = await run.go_on(30)
        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"

    async def test_is_what_a_person_may_decide(self, run: CanaryRun) -> None:
        await run.begin()
        deployment = read_deployment(run.app.ledger, run.request.deployment_id)
        assert deployment is not None
        await run.app.bus.record(request_shift(deployment, "return", "ana", "slow search"))
        end = await run.go_on(1)

        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"
        assert "returned: requested by ana: slow search." in end.model_dump()["reason"]

    @pytest.mark.parametrize(("steps", "share"), [([10], 100), ([10, 50], 50)], ids=["the last share", "another one"])
    @pytest.mark.parametrize("point", ["preview", "apply:live", "call"])
    async def test_that_a_person_decides_while_the_share_grows_is_not_lost(
        self, run: CanaryRun, point: str, steps: list[int], share: int
    ) -> None:
        await run.begin(steps=steps)
        await run.decide_during(point, "return", 60)

        assert (run.last, run.shares[-1]) == (SHIFTED, share)
        end = await run.go_on()
        assert end is not None and end.type_name == "infrastructure.deployment.rolled_back"
        assert "returned: requested by ana: slow search." in end.model_dump()["reason"]
        assert run.shares[-2:] == [0, 100]

    async def test_is_not_done_twice_by_what_a_person_has_promoted(self, run: CanaryRun) -> None:
        await run.begin(steps=[10, 50, 70])
        await run.decide_during("call", "promote", 60)
        await run.go_on()

        assert (run.last, run.shares) == ("deployment.completed", [10, 50, 100])

    @pytest.mark.parametrize(("shift", "share"), [("promote", 10), ("return", 100)])
    async def test_that_a_person_decides_does_not_follow_one_unmeasured_moment(
        self, run: CanaryRun, shift: Literal["promote", "return"], share: int
    ) -> None:
        await run.begin()
        run.traffic.observations = [ProviderError("No metrics.", "Gone", provider="aws", resource=""), GOOD]
        await run.decide(shift)
        await run.go_on(1)

        assert run.shares[-1] == share
        await run.go_on(1)
        ends = {"promote": ("deployment.completed", 100), "return": ("deployment.rolled_back", 100)}
        assert (run.last, run.shares[-1]) == ends[shift]
        row = run.app.ledger.deployment(run.request.deployment_id)
        assert row is not None and "not measured" not in str(row.error)

    async def test_is_not_what_a_person_promotes(self, run: CanaryRun) -> None:
        await run.begin()
        deployment = read_deployment(run.app.ledger, run.request.deployment_id)
        assert deployment is not None
        await run.app.bus.record(request_shift(deployment, "promote", "ana"))
        await run.go_on(1)

        assert (run.last, run.shares[-1]) == ("deployment.completed", 100)

    async def test_is_not_taken_back_by_whoever_promotes_it_at_the_same_time(self, run: CanaryRun) -> None:
        await run.begin()
        await run.decide("promote")
        await run.decide("return")
        with pytest.raises(InvalidStateError, match="ana has returned it"):
            await run.decide("promote")
        await run.go_on(1)

        assert run.last == "deployment.rolled_back"

    async def test_cannot_be_requested_of_what_divides_nothing(self, run: CanaryRun) -> None:
        await run.deploy()
        deployment = read_deployment(run.app.ledger, run.request.deployment_id)

        assert deployment is not None and not is_shifting(deployment)
        with pytest.raises(InvalidStateError, match="it has no share of the traffic"):
            request_shift(deployment, "return", "ana")


class TestKilledRun:
    @pytest.mark.parametrize("point", ["preview", "apply:live", "call"])
    async def test_of_a_first_share_is_repeated(self, run: CanaryRun, point: str) -> None:
        await run.deploy()
        run.app.points.fail(point, asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await run.deploy(memory=1024, canary={"steps": [10], "bake_s": 60})
        await run.go_on()

        assert (run.last, run.shares[-1]) == (SHIFTED, 10)

    @pytest.mark.parametrize("point", ["preview", "apply:live", "call"])
    async def test_of_a_promotion_is_repeated(self, run: CanaryRun, point: str) -> None:
        await run.begin(steps=[10])
        run.app.points.fail(point, asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await run.go_on(60)
        await run.go_on()

        assert (run.last, run.shares[-1]) == ("deployment.completed", 100)

    @pytest.mark.parametrize("point", ["apply:live", "apply:function", "call"])
    async def test_of_a_return_goes_on_with_it_whatever_is_seen_now(self, run: CanaryRun, point: str) -> None:
        await run.begin()
        run.traffic.observations = [BAD]
        run.app.points.fail(point, asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await run.go_on(1)
        run.traffic.observations = [GOOD]
        await run.go_on()

        assert (run.last, run.shares[-1]) == ("deployment.rolled_back", 100)
        row = run.app.ledger.deployment(run.request.deployment_id)
        assert row is not None and row.error is not None
        assert row.error["message"].count("was returned") == 1


class TestRefusals:
    async def test_of_a_plan_with_more_than_functions(self, run: CanaryRun) -> None:
        await run.deploy()
        end = await run.deploy(memory=1024, throttling={"rate": 7}, canary="10%")

        assert end is not None and end.type_name == "infrastructure.deployment.rejected"
        assert end.model_dump()["code"] == "CANARY_REFUSED"
        assert "api" in end.model_dump()["reason"]

    async def test_of_functions_that_are_new(self, run: CanaryRun) -> None:
        await run.deploy()
        more = {"functions": {"reports": {"handler": "reports.handler"}}, "source": "src", "handler": "app.handler"}
        routes = [{"path": "/reports", "function": "reports"}, {"path": "/{rest+}"}]
        end = await run.deploy(**more, routes=routes, canary="10%")

        assert end is not None and end.type_name == "infrastructure.deployment.rejected"
        assert end.model_dump()["code"] == "CANARY_REFUSED"
        assert "function-reports: has no version that is live" in end.model_dump()["reason"]

    async def test_without_anything_that_measures(self, run: CanaryRun) -> None:
        await run.deploy()
        run.process._shifter = TrafficShifter(run.app.ledger)
        end = await run.deploy(memory=1024, canary="10%")

        assert end is not None and end.model_dump()["code"] == "CANARY_UNAVAILABLE"

    async def test_a_first_deployment_gets_all_of_the_traffic(self, run: CanaryRun) -> None:
        end = await run.deploy(canary="10%")

        assert end is not None and end.type_name == "infrastructure.deployment.completed"
        [planned] = [it for it in run.app.ledger.recorded if it.type.endswith("deployment.planned")]
        assert planned.event["data"]["traffic"].startswith("all at once: a first deployment")
