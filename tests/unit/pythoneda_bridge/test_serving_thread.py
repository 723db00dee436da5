"""What serves in a thread of its own: opened, called and closed from another event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pythoneda_bridge.serving_thread import ServingThread
from tests.fakes.pythoneda_entrance import FakeBridgeService


async def name_of_thread() -> str:
    return threading.current_thread().name


class TestServingThread:
    async def test_opens_serves_and_closes(self, service: FakeBridgeService) -> None:
        thread = ServingThread(service.open)

        opened = await thread.start()
        await thread.close()

        assert opened is service
        assert service.states == ["opened", "serving", "stopped", "closed"]

    async def test_runs_what_it_is_called_with(self, service: FakeBridgeService) -> None:
        thread = ServingThread(service.open)
        await thread.start()

        name = await thread.call(name_of_thread())
        await thread.close()

        assert name == "semantest-iac"

    async def test_raises_what_prevents_opening(self) -> None:
        @asynccontextmanager
        async def fail() -> AsyncIterator[FakeBridgeService]:
            raise RefusedError("No home.")
            yield

        thread = ServingThread(fail)

        with pytest.raises(RefusedError, match="No home"):
            await thread.start()
        await thread.close()

    async def test_raises_what_ended_it(self, service: FakeBridgeService) -> None:
        async def fail(stopped: asyncio.Event) -> None:
            await stopped.wait()
            raise RefusedError("No disk.")

        service.serve = fail  # type: ignore[method-assign]  # another end of the same service
        thread = ServingThread(service.open)
        await thread.start()

        with pytest.raises(RefusedError, match="No disk"):
            await thread.close()

    async def test_refuses_calls_once_it_has_failed(
        self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        fails = threading.Event()

        async def fail(stopped: asyncio.Event) -> None:
            await asyncio.to_thread(fails.wait)
            raise ValueError("broken")

        service.serve = fail  # type: ignore[method-assign]  # another end of the same service
        thread = ServingThread(service.open)
        await thread.start()
        waiting = asyncio.create_task(thread.call(asyncio.Event().wait()))
        await asyncio.sleep(0)
        fails.set()

        with pytest.raises(RefusedError, match="has failed"):
            await waiting
        with pytest.raises(ValueError, match="broken"):
            await thread.close()
        assert "What carries out requests has failed: ValueError" in caplog.text

    async def test_cancels_what_its_caller_gives_up(self, service: FakeBridgeService) -> None:
        started, cancelled = threading.Event(), threading.Event()

        async def wait() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        thread = ServingThread(service.open)
        await thread.start()
        calling = asyncio.create_task(thread.call(wait()))
        await asyncio.to_thread(started.wait)

        calling.cancel()
        await asyncio.to_thread(cancelled.wait)
        await thread.close()

        assert calling.cancelled()

    async def test_is_of_no_use_before_its_start_and_after_its_end(self, service: FakeBridgeService) -> None:
        thread = ServingThread(service.open)

        with pytest.raises(RefusedError, match="the application ends"):
            await thread.call(name_of_thread())
        await thread.start()
        await thread.close()
        with pytest.raises(RefusedError, match="the application ends"):
            await thread.call(name_of_thread())
