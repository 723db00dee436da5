"""The events of a deployment that another process carries out."""

from __future__ import annotations

from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.application.run_follower import RunFollower
from tests.fakes.application import REST, InMemoryApp


async def test_are_shown_once_each_behind_those_that_are_known(app: InMemoryApp) -> None:
    other = await app.deploy()
    queued = await app.use_cases.deploy(REST, {}, detach=FIRST_COME)
    seen: list[str] = []
    follower = RunFollower(app.ledger, EventObservers(lambda event: seen.append(event.type_name)), queued.deployment, 2)

    follower.show_new_events()
    before = list(seen)
    await app.application.worker({}).run_until_idle()
    follower.show_new_events()
    follower.show_new_events()

    assert (before, seen[0], seen[-1]) == (
        [],
        "infrastructure.deployment.started",
        "infrastructure.deployment.completed",
    )
    assert len(seen) == len([it for it in app.ledger.recorded if queued.deployment in it.json]) - 2
    assert other.deployment != queued.deployment
