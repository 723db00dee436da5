"""Functions of a deployed stack get messages and ticks, and send some, on both clouds."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.local_service.messaging.pollers import TimerLoop
from semantest_iac.infrastructure.local_service.messaging.warm_functions import WarmFunctions
from semantest_iac.infrastructure.message_store.ticks import TickStore
from tests.integration.local_service.messaging.conftest import Workers, wait_until


class TestMessages:
    async def test_are_handled_once_or_become_dead_letters(self, workers: Workers, stack: Stack) -> None:
        lock_s = 200 if stack.provider == "aws" else 0  # until a failed one comes again
        await workers.send(*map(str, range(12)), "bad")

        async with workers.deliver():
            for delivered in (13, 14):
                await wait_until(partial(_has_delivered, workers, delivered))
                workers.clock.ahead_s += lock_s
            await wait_until(lambda: _has_dead_letter(workers))

        assert Counter(body for body, _ in workers.read_handled()) == {**{str(it): 1 for it in range(12)}, "bad": 2}
        assert [tries for body, tries in workers.read_handled() if body == "bad"] == [1, 2]
        assert await workers.receive("orders-queue") == []

    async def test_of_a_function_that_raises_come_again(self, workers: Workers, stack: Stack) -> None:
        await workers.send("raise")

        async with workers.deliver():
            await wait_until(lambda: len(workers.reports) >= 1)
            assert workers.reports[0].failed == 1
            if stack.provider == "aws":  # it comes again when its lock ends, and not before
                assert len(workers.read_handled()) == 1
                workers.clock.ahead_s += 200
            await wait_until(lambda: len(workers.read_handled()) >= 2)

        assert workers.read_handled() == [["raise", 1], ["raise", 2]]

    async def test_of_a_group_are_handled_in_order(self, workers: Workers) -> None:
        for number in range(8):
            await workers.send(f"{'ab'[number % 2]}{number}", queue="steps-queue", group="ab"[number % 2])

        async with workers.deliver():
            await wait_until(lambda: len(workers.read_handled()) >= 8)

        bodies = [body for body, _ in workers.read_handled()]
        assert [it for it in bodies if it[0] == "a"] == ["a0", "a2", "a4", "a6"]
        assert [it for it in bodies if it[0] == "b"] == ["b1", "b3", "b5", "b7"]

    async def test_of_functions_reach_whoever_takes_them(self, workers: Workers) -> None:
        await workers.send("forward")

        async with workers.deliver():
            await wait_until(lambda: len(workers.reports) >= 1)

        assert workers.reports[0].failed == 0
        assert await workers.receive("audit") == ['{"order": 7}']

    async def test_outlive_a_deployment_and_go_with_the_stack(self, workers: Workers) -> None:
        await workers.send("kept", queue="idle-queue")
        messaging = await workers.read()
        idle = next(it for it in messaging.queues if it.name == "idle-queue")

        async with workers.deliver() as deliveries:
            await deliveries.refresh()
            await workers.deploy(orders={"max_deliveries": 3})
            await deliveries.refresh()
            await workers.send("later")
            await wait_until(lambda: len(workers.read_handled()) >= 1)
            assert workers.store.count(idle.holder).waiting == 1
            await workers.destroy()
            assert workers.store.count(idle.holder).waiting == 0
            await deliveries.refresh()

        assert workers.store.list_stacks() == set()


class TestTicks:
    async def test_call_the_function_when_they_are_due(self, workers: Workers, stack: Stack) -> None:
        (trigger,) = (await workers.read()).timers
        moment = [1_796_000_010.0]  # ten seconds after a full minute
        ticks = TickStore(workers.store.database, lambda: moment[0])
        functions = WarmFunctions(lambda invocation: None)
        loop = TimerLoop(trigger, ticks, functions, workers.reports.append, lambda: moment[0])
        try:
            assert await loop.run_due() == 0
            moment[0] += 60
            assert await loop.run_due() == 1
            assert await loop.run_due() == 0
            workers.handled_file.with_name("handled.fails").touch()
            moment[0] += 60
            assert await loop.run_due() == 1
            moment[0] += 62  # the next one, and on one cloud the failed one again
            assert await loop.run_due() == (2 if stack.provider == "aws" else 1)
        finally:
            await functions.aclose()

        assert [it.failed for it in workers.reports][:2] == [0, 1]
        assert len(workers.read_handled(".ticks")) == len(workers.reports)
        if stack.provider == "aws":  # on the other cloud the package knows the time of this machine
            assert workers.read_handled(".ticks")[0] == ["Scheduled Event", "2026-11-30T00:54:00Z"]


def _has_delivered(workers: Workers, messages: int) -> bool:
    return sum(it.messages for it in workers.reports) >= messages


async def _has_dead_letter(workers: Workers) -> bool:
    await asyncio.sleep(0)
    return await workers.receive("orders-queue", dead_letters=True) == ["bad"]
