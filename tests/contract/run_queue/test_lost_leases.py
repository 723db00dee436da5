"""A worker that loses its lease records nothing more: the deployment goes on elsewhere, and nobody has cancelled it."""

from __future__ import annotations

import asyncio

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.bootstrap.deployments import build_worker
from semantest_iac.infrastructure.home_manifest import HomeManifest
from tests.campaigns.interrupted_home import ignore_moment
from tests.campaigns.queued_home import QueuedHome
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

LEASE_S = 15.0  # renewed every second


async def _lose_lease(queued_home: QueuedHome) -> None:
    """Work until the health check, and there lose the lease, which nobody has taken over yet."""
    probe = FakeServiceProbe(ControlPoints())
    has_arrived = probe.points.hold("call")
    application = queued_home.open_application(ignore_moment, probe)
    worker = build_worker(application, HomeManifest(queued_home.folder), queued_home.variables, lease_s=LEASE_S)
    renew = application.run_queue.renew

    async def renew_unless_lost(lease: RunLease, lease_s: float) -> bool | None:
        return None if has_arrived.is_set() else await renew(lease, lease_s)

    application.run_queue.renew = renew_unless_lost  # type: ignore[method-assign]
    await worker.run_next()
    with queued_home.open_ledger().database.change("write to") as connection:
        connection.execute("update runs set lease_end = 0")


def test_is_carried_on_by_the_next_worker(queued_home: QueuedHome) -> None:
    form = queued_home.build_request("v1")
    deployment = queued_home.submit(form, ignore_moment)["deployment"]

    asyncio.run(_lose_lease(queued_home))
    left = read_deployment(queued_home.open_ledger(), deployment)
    queued_home.work("v1", ignore_moment)

    assert (left and left.status) == "verifying"
    assert queued_home.find_faults(deployment, "completed", "v1", resumed=1) == []
