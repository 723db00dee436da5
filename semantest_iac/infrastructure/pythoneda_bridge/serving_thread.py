"""Runs what carries out requests in a thread with an event loop of its own.

Listeners of a PythonEDA application may block its loop for long, and leases must be renewed and programs run meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Generic, Protocol, TypeVar

from semantest_iac.domain.errors import RefusedError


class Serving(Protocol):
    """Something that works until it is told to stop."""

    async def serve(self, stopped: asyncio.Event) -> None:
        """Work until `stopped`; what is in progress ends first."""
        ...


_LOG = logging.getLogger(__name__)
ServedT = TypeVar("ServedT", bound=Serving)
CalledT = TypeVar("CalledT")


class ServingThread(Generic[ServedT]):
    """Opens something in a thread, lets it serve there, and closes it."""

    def __init__(self, open_served: Callable[[], AbstractAsyncContextManager[ServedT]]) -> None:
        self._open_served = open_served
        self._opened = Future[ServedT]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._is_closing = False
        self._has_ended = False
        self._calls = set[Future[Any]]()
        # A daemon: a second Ctrl-C ends the process, and the next one goes on with what was in progress.
        self._thread = threading.Thread(target=self._run, name="semantest-iac", daemon=True)

    async def start(self) -> ServedT:
        """Start the thread and return what was opened in it; raises the error of opening."""
        self._thread.start()
        return await asyncio.wrap_future(self._opened)

    async def call(self, coroutine: Coroutine[Any, Any, CalledT]) -> CalledT:
        """Return the result of a coroutine that runs in the thread; cancelling the caller cancels it.

        Raises RefusedError before the start and after the end of the thread.
        """
        if self._loop is None or self._is_closing or not self._thread.is_alive():
            coroutine.close()
            raise _closed()
        try:
            called = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # its loop is closed, and the thread about to end
            coroutine.close()
            raise _closed() from None
        self._calls.add(called)
        called.add_done_callback(self._calls.discard)
        if self._has_ended:
            called.cancel()
        try:
            return await asyncio.wrap_future(called)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise _closed() from None  # the thread has ended meanwhile

    async def close(self) -> None:
        """Return when what was in progress has ended and the thread with it; raises what ended it before."""
        self._is_closing = True
        if self._loop is not None and self._stopped is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # its loop is closed already
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._opened.done():
                _LOG.error("What carries out requests has failed: %s", type(error).__name__, exc_info=error)
                self._failure = error
            else:
                self._opened.set_exception(error)
        finally:
            self._has_ended = True
            for called in tuple(self._calls):  # what came too late to be begun in the loop
                called.cancel()

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        async with self._open_served() as served:
            self._loop, self._stopped = asyncio.get_running_loop(), stopped
            self._opened.set_result(served)
            await served.serve(stopped)


def _closed() -> RefusedError:
    reason = "the application ends, or what carries them out has failed"
    return RefusedError(f"Nothing carries out requests any more: {reason}.", "BRIDGE_CLOSED", hint="See its log.")
