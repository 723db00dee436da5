"""What is promised to whoever asks for a deployment, with the sandbox, on each database."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.ports.run_queue import QueuePlace
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac_events.event import StackEvent
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureUpdated, ScalingTriggered
from tests.campaigns.interrupted_home import ignore_moment
from tests.campaigns.queued_home import CLAIMED, INTENDED, SOURCE, Form, QueuedHome
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

_ROOT = Path(__file__).parents[3]


def submit(queued_home: QueuedHome, form: Form, **attributes: str) -> dict[str, Any]:
    return queued_home.submit(form | attributes, ignore_moment)


def read_ends(queued_home: QueuedHome) -> list[str]:
    """Return the terminal events, `infrastructure.` left out."""
    log = queued_home.open_ledger().log()
    return [row.type.removeprefix("infrastructure.") for row in log if row.type in TERMINAL_EVENT_TYPES]


def list_waiting(queued_home: QueuedHome) -> list[str]:
    application = queued_home.open_application(ignore_moment, FakeServiceProbe(ControlPoints()))
    return [run.deployment for run in application.run_queue.list_runs() if run.state == "waiting"]


def start(task: str, what: str, queued_home: QueuedHome, location: str, form: Path) -> subprocess.Popen[str]:
    place = "" if location.endswith(".db") else location
    words = [task, what, str(queued_home.folder), str(form.parent / "sources"), place, str(form)]
    command = [sys.executable, "-m", "tests.contract.run_queue.home_process", *words]
    return subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)


def build_scaling(queued_home: QueuedHome) -> Form:
    event = ScalingTriggered(**asdict(queued_home.stack), min_instances=1, max_instances=2)
    return to_cloudevent(event, source=SOURCE)


class SlowProbe(FakeServiceProbe):
    """A healthy service that answers once it may; `is_asked` is set when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__(ControlPoints())
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().call(stack, request)


class TestEvents:
    @pytest.mark.parametrize(
        ("location", "moment"), [("sqlite", CLAIMED), ("postgresql", INTENDED)], indirect=["location"]
    )
    def test_delivered_fifty_times_and_killed_are_one_deployment(
        self, queued_home: QueuedHome, location: str, tmp_path: Path, moment: str
    ) -> None:
        form = queued_home.build_request("v1")
        (tmp_path / "form").write_text(json.dumps(form))
        senders = [start("submit", "25", queued_home, location, tmp_path / "form") for _ in range(2)]
        receipts = [receipt for sender in senders for receipt in json.loads(sender.communicate(timeout=120)[0])]
        killed = start("work", moment, queued_home, location, tmp_path / "form")
        killed.communicate(timeout=120)
        again = submit(queued_home, form)
        queued_home.work("v1", ignore_moment)

        assert (len(receipts), sum(not receipt["is_duplicate"] for receipt in receipts)) == (50, 1)
        assert {receipt["deployment"] for receipt in (*receipts, again)} == {form["data"]["deployment_id"]}
        assert killed.returncode == -signal.SIGKILL
        resumed = int(moment == INTENDED)
        assert queued_home.find_faults(again["deployment"], "completed", "v1", resumed) == []

    def test_that_are_older_are_refused(self, queued_home: QueuedHome) -> None:
        older, newer = queued_home.build_request("v1"), queued_home.build_request("v2")
        accepted = submit(queued_home, newer, sequence="2")
        queued_home.work("v2", ignore_moment)

        late = submit(queued_home, older, sequence="1")
        queued_home.work("v2", ignore_moment)

        assert (late["refusal"]["code"], late["refusal"]["deployment"]) == ("STALE_REQUEST", accepted["deployment"])
        assert read_ends(queued_home) == ["deployment.completed", "deployment.rejected"]

    def test_that_follow_from_their_own_result_end_as_a_loop(self, queued_home: QueuedHome) -> None:
        submit(queued_home, queued_home.build_request("v1"))
        queued_home.work("v1", ignore_moment)
        [result] = [row for row in queued_home.open_ledger().log() if row.type == InfrastructureUpdated.type_name]
        request, cause = from_cloudevent(queued_home.build_request("v2")), decode_event(result)
        assert isinstance(request, StackEvent)

        looped = submit(queued_home, to_cloudevent(request.caused_by(cause), source=SOURCE))
        queued_home.work("v2", ignore_moment)

        stack = str(queued_home.stack)
        assert (looped["refusal"]["code"], tuple(looped["refusal"]["path"])) == ("REQUEST_LOOP", (stack, stack))
        assert sorted(read_ends(queued_home)) == ["deployment.completed", "deployment.rejected"]

    def test_that_ask_for_another_scale_of_nothing_are_refused_with_an_answer(self, queued_home: QueuedHome) -> None:
        answered = submit(queued_home, build_scaling(queued_home))

        assert answered["refusal"]["code"] == "NOT_FOUND"
        assert read_ends(queued_home) == ["deployment.rejected"]


class TestBusyStack:
    @pytest.mark.parametrize(
        ("location", "scaling_at"),
        [("sqlite", None), ("postgresql", 1), ("sqlite", 15), ("postgresql", 29)],
        indirect=["location"],
    )
    def test_carries_out_two_of_thirty_deployments_and_each_scaling(
        self, queued_home: QueuedHome, scaling_at: int | None
    ) -> None:
        forms = [queued_home.build_request(version) for version in ("v1", "v2") * 15]
        scaling = build_scaling(queued_home)
        if scaling_at is not None:
            forms.insert(scaling_at, scaling)

        async def submit_during_first_run() -> None:
            probe = SlowProbe()
            application = queued_home.open_application(ignore_moment, probe)
            await asyncio.to_thread(submit, queued_home, forms[0])
            running = asyncio.create_task(application.worker(queued_home.variables).run_until_idle())
            await probe.is_asked.wait()
            for form in forms[1:]:
                await asyncio.to_thread(submit, queued_home, form)
            probe.may_answer.set()
            await running

        asyncio.run(submit_during_first_run())

        ends = read_ends(queued_home)
        completed = len(forms) - 28
        assert (ends.count("deployment.superseded"), ends[-completed:]) == (28, ["deployment.completed"] * completed)
        assert len(ends) == len(forms)
        if scaling_at is None:
            assert queued_home.find_faults(forms[-1]["data"]["deployment_id"], "completed", "v2", resumed=0) == []
        else:
            assert queued_home.read_state(scaling["data"]["deployment_id"]) == "completed"


class TestPlannedRequests:
    def test_survive_another_deployment(self, queued_home: QueuedHome) -> None:
        """The one that runs closes what nobody carries on; these two are in the queue."""

        def request(version: str, later: QueuePlace | None) -> Any:
            application = queued_home.open_application(ignore_moment, FakeServiceProbe(ControlPoints()))
            use_cases = application.deployments(queued_home.variables, engine=queued_home.engine)
            configuration = queued_home.configuration_of(version)
            return asyncio.run(use_cases.deploy(queued_home.stack, configuration, detach=later))

        planned = [request(version, QueuePlace(0, time.time() + 3600)).deployment for version in ("v1", "v2")]
        third = request("v1", None)
        kept = list_waiting(queued_home)
        with queued_home.open_ledger().database.change("write to") as connection:
            connection.execute("update runs set due = 0 where state = 'waiting'")
        queued_home.work("v2", ignore_moment)

        assert (third.state, kept) == ("completed", planned)
        assert read_ends(queued_home) == ["deployment.completed"] * 3
        assert queued_home.find_faults(planned[1], "completed", "v2", resumed=0) == []
