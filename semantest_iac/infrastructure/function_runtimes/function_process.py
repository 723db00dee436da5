"""Runs a function in processes of its own: one event at a time in each, warm in between, several at once in a pool."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.security.redaction import redact_json
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    INVALID_ANSWER,
    PROCESS_EXITED,
    TIMED_OUT,
    FunctionSpec,
    Invocation,
)
from semantest_iac.infrastructure.function_runtimes.host_process import HostProcess
from semantest_iac.infrastructure.function_runtimes.loopback import serve_secrets
from semantest_iac.infrastructure.function_runtimes.platforms import (
    FUNCTION_PLATFORMS,
    find_interpreter,
    parent_death_signal_prefix,
)

_MIB = 1024 * 1024


class FunctionProcess:
    """A running function; make it with `start`. Several may run side by side."""

    def __init__(self, spec: FunctionSpec, environment: Mapping[str, str]) -> None:
        self._spec = spec
        self._platform = FUNCTION_PLATFORMS[spec.platform]
        self._facts: Mapping[str, Any] = {}
        self._environment = environment
        self._host: HostProcess | None = None
        self._turn = asyncio.Lock()
        self.note = ""

    @classmethod
    @asynccontextmanager
    async def start(cls, spec: FunctionSpec) -> AsyncIterator[FunctionProcess]:
        """Run the function as long as the block; raises RuntimeFailedError when it does not start."""
        platform = FUNCTION_PLATFORMS[spec.platform]
        with tempfile.TemporaryDirectory(prefix="function-", ignore_cleanup_errors=True) as temporary:
            async with serve_secrets(spec.secrets if platform.fetches_secrets else {}) as url:
                function = cls(spec, platform.environment(spec, temporary, url))
                try:
                    await function._living()
                    yield function
                finally:
                    await function._discard()

    async def invoke(self, event: Any, *, request_id: str = "") -> Invocation:
        """Hand over one event; a failure of the function is part of the answer, not an exception."""
        async with self._turn:
            host = await self._living()
            call = self._platform.call(self._spec, self._facts, event, request_id or str(uuid.uuid4()))
            line = json.dumps(call).encode() + b"\n"
            if len(line) > self._platform.largest_call:
                message = f"The event is over {self._platform.largest_call // _MIB} MB."
                call = {"error": _error_object(EVENT_TOO_LARGE, message)}
            if "error" in call:
                return Invocation(None, call["error"], "", 0)
            return await self._invoked(host, line)

    async def _invoked(self, host: HostProcess, line: bytes) -> Invocation:
        host.logs.clear()
        began = time.perf_counter()
        answer = await self._answer(host, line)
        duration_ms = (time.perf_counter() - began) * 1000
        error, logs = self._redacted(answer.get("error")), self._redacted(host.logs.text())
        return Invocation(answer.get("result"), error, logs, duration_ms)

    async def _answer(self, host: HostProcess, line: bytes) -> Mapping[str, Any]:
        """The host's answer; whatever is not one costs the process its life, a cancelled call included."""
        answer: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                reply = await host.ask(line)
            answer = _parse_answer(reply) if reply else {"error": await self._end_of(host)}
        except TimeoutError:
            message = f"Task timed out after {self._spec.timeout_s:.2f} seconds"
            return {"error": _error_object(TIMED_OUT, message)}
        except ValueError:
            return {"error": _error_object(INVALID_ANSWER, "The process gave something that is not an answer.")}
        finally:
            if answer is None:
                await self._discard()
        return answer

    async def _living(self) -> HostProcess:
        if self._host is None:
            self._host = await self._spawn()
            await self._await_ready(self._host)
        return self._host

    async def _spawn(self) -> HostProcess:
        spec, platform = self._spec, self._platform
        interpreter = await asyncio.to_thread(find_interpreter, spec.runtime, spec.memory_mb, platform.hosts)
        self.note = interpreter.note
        command = [*parent_death_signal_prefix(), *interpreter.command]
        try:
            return await HostProcess.spawn(
                command, [spec.handler], spec.package, self._environment, platform.largest_line
            )
        except OSError as error:
            raise self._refusal(str(error.strerror)) from error

    async def _await_ready(self, host: HostProcess) -> None:
        try:
            async with asyncio.timeout(self._platform.longest_start_s):
                reply = await host.ask()
            answer = _parse_answer(reply) if reply else {"error": await self._end_of(host)}
        except (TimeoutError, ValueError):
            answer = {
                "error": _error_object(TIMED_OUT, f"it was not ready within {self._platform.longest_start_s:.0f} s")
            }
        if "error" in answer:
            await self._discard()
            last = self._redacted(host.logs.text()).strip().rpartition("\n")[2][-300:]
            cause = self._redacted("{errorType}: {errorMessage}".format(**answer["error"]))
            raise self._refusal(cause, last)
        self._facts = answer

    async def _end_of(self, host: HostProcess) -> Mapping[str, Any]:
        self._host = None
        status = await host.end()
        how = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return _error_object(PROCESS_EXITED, f"Runtime exited with error: {how}")

    async def _discard(self) -> None:
        host, self._host = self._host, None
        if host:
            await host.end()

    def _refusal(self, cause: str, said: str = "") -> RuntimeFailedError:
        hint = f"The function said: {said}" if said else "Look at the function's handler and its files."
        return RuntimeFailedError(f"Cannot start function '{self._spec.name}': {cause}.", hint=hint)

    def _redacted(self, value: Any) -> Any:
        return redact_json(value, self._spec.secrets.values())


def _parse_answer(reply: bytes) -> Mapping[str, Any]:
    answer = json.loads(reply)
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    return answer


def _error_object(kind: str, message: str) -> Mapping[str, Any]:
    return {"errorType": kind, "errorMessage": message}


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many processes there are at most, how long one stays without work, and when waiting is worth another one.

    A start takes many times as long as most calls: who finds all processes busy waits `patience_s` first.
    """

    most: int = max(4, 2 * (os.cpu_count() or 1))
    idle_s: float = 600
    patience_s: float = 0.05


@dataclass(eq=False, slots=True)
class _PoolSlot:
    """Room for one process, which FunctionProcess itself replaces after a crash or a timeout."""

    function: FunctionProcess
    exits: AsyncExitStack
    expiry: asyncio.TimerHandle | None = field(default=None)


class FunctionPool:
    """Starts processes on demand, hands the one used last to the next call, and ends those without work."""

    def __init__(self, spec: FunctionSpec, limits: PoolLimits | None = None) -> None:
        self.spec = spec
        self._limits = limits or PoolLimits()
        self._most = min(self._limits.most, spec.instances or self._limits.most)
        self._alive = 0
        self._idle: list[_PoolSlot] = []
        self._waiting: deque[asyncio.Future[_PoolSlot | None]] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._emptied = asyncio.Event()
        self.note = ""

    async def invoke(self, event: object) -> Invocation:
        """The event's invocation in the next free process; raises RuntimeFailedError where none starts."""
        place = await self._taken()
        try:
            return await place.function.invoke(event)
        finally:
            self._give_back(place)

    async def aclose(self) -> None:
        """End the processes: those without work now, the others once they and all who wait are served."""
        self._is_closing = True
        while self._idle:
            self._end(self._idle.pop())
        if self._alive:
            self._emptied.clear()
            await self._emptied.wait()

    async def _taken(self) -> _PoolSlot:
        if not self._idle:
            given = await self._turn() if self._alive else None
            return given or await self._start()
        place = self._idle.pop()
        if place.expiry:
            place.expiry.cancel()
        return place

    async def _turn(self) -> _PoolSlot | None:
        """The next place that is given back; None where there is room for another one."""
        turn: asyncio.Future[_PoolSlot | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            if self._alive < self._most:
                await asyncio.wait({turn}, timeout=self._limits.patience_s)
                if self._alive < self._most and turn.cancel():
                    return None
            return await turn
        except asyncio.CancelledError:
            if not turn.cancel() and not turn.cancelled():
                self._give_back(turn.result())
            raise

    async def _start(self) -> _PoolSlot:
        self._alive += 1
        exits = AsyncExitStack()
        try:
            function = await exits.enter_async_context(FunctionProcess.start(self.spec))
        except BaseException:
            self._forget()
            self._hand_on(None)  # who waits may try
            raise
        self.note = function.note
        return _PoolSlot(function, exits)

    def _give_back(self, place: _PoolSlot | None) -> None:
        if self._hand_on(place) or place is None:
            return
        if self._is_closing:
            self._end(place)
            return
        place.expiry = asyncio.get_running_loop().call_later(self._limits.idle_s, self._expire, place)
        self._idle.append(place)

    def _hand_on(self, place: _PoolSlot | None) -> bool:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(place)
                return True
        return False

    def _expire(self, place: _PoolSlot) -> None:
        self._idle.remove(place)
        self._end(place)

    def _end(self, place: _PoolSlot) -> None:
        if place.expiry:
            place.expiry.cancel()
        ending = asyncio.get_running_loop().create_task(self._ended(place))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _ended(self, place: _PoolSlot) -> None:
        try:
            await place.exits.aclose()
        finally:
            self._forget()

    def _forget(self) -> None:
        self._alive -= 1
        if not self._alive:
            self._emptied.set()
