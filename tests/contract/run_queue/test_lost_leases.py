"""A worker that loses its lease records nothing more: the deployment goes on elsewhere, and nobody has cancelled it."""

from __future__ import annotations

import asyncio

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.ports.run_queue import RunLease, RunQueue
from semantest_iac.bootstrap.deployments import build_worker
from semantest_iac.infrastructure.home_manifest import HomeManifest
from tests.campaigns.interrupted_home import ignore_moment
from tests.campaigns.queued_home import QueuedHome
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

LEASE_S = 15.0  # renewed every second


def lose_lease_when(arrived: asyncio.Event, queued_home: QueuedHome, queue: RunQueue) -> None:
    """Let the lease end once that has happened, before anybody has taken over."""
    renew = queue.renew

    async def renew_unless_lost(lease: RunLease, lease_s: float) -> bool | None:
        if not arrived.is_set():
            return await renew(lease, lease_s)
        arrived.clear()
        with queued_home.open_ledger().database.change("write to") as connection:
            connection.execute("update runs set lease_end = 0")
        return None

    queue.renew = renew_unless_lost  # type: ignore[method-assign]


def test_is_carried_on_by_the_next_worker(queued_home: QueuedHome) -> None:
    form = queued_home.build_request("v1")
    deployment = queued_home.submit(form, ignore_moment)["deployment"]
    probe = FakeServiceProbe(ControlPoints())
    application = queued_home.open_application(ignore_moment, probe)
    lose_lease_when(probe.points.hold("call"), queued_home, application.run_queue)
    worker = build_worker(application, HomeManifest(queued_home.folder), queued_home.variables, lease_s=LEASE_S)

    asyncio.run(worker.run_next())
    left = read_deployment(queued_home.open_ledger(), deployment)
    queued_home.work("v1", ignore_moment)

    assert (left and left.status) == "verifying"
    assert queued_home.find_faults(deployment, "completed", "v1", resumed=1) == []


def test_is_carried_on_by_the_command_that_waits_for_it(queued_home: QueuedHome) -> None:
    probe = FakeServiceProbe(ControlPoints())
    application = queued_home.open_application(ignore_moment, probe)
    lose_lease_when(probe.points.hold("call"), queued_home, application.run_queue)
    use_cases = application.deployments(queued_home.variables, engine=queued_home.engine)

    row = asyncio.run(use_cases.deploy(queued_home.stack, queued_home.configuration_of("v1")))

    assert queued_home.find_faults(row.deployment, "completed", "v1", resumed=1) == []
