"""Runs a function in processes of its own: one event at a time in each, warm in between, several at once in a pool."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.blueprints.parts import FUNCTION_VARIABLE
from semantest_iac.domain.compute.failure_advice import advise_on_failure
from semantest_iac.domain.environments.function_rules import RESERVED_FUNCTION_NAME
from semantest_iac.domain.errors import Fault, RuntimeFailedError
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.drafts import make_draft_folder
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    INVALID_ANSWER,
    PROCESS_EXITED,
    TIMED_OUT,
    FunctionSpec,
    Invocation,
)
from semantest_iac.infrastructure.function_runtimes.host_process import HostProcess
from semantest_iac.infrastructure.function_runtimes.interpreters import find_interpreter, find_module_fault
from semantest_iac.infrastructure.function_runtimes.loopback import serve_secrets
from semantest_iac.infrastructure.function_runtimes.platforms import (
    FUNCTION_PLATFORMS,
    MIB,
    parent_death_signal_prefix,
)

_ROUTES_SETTING = "SEMANTEST_ROUTES"  # of an app whose functions our entry registers


class FunctionProcess:
    """A function in a process of its own, replaced after a timeout or a crash; create it with `start`."""

    def __init__(self, spec: FunctionSpec, environment: Mapping[str, str]) -> None:
        self._spec = spec
        self._platform = FUNCTION_PLATFORMS[spec.platform]
        self._redactor = Redactor(spec.secrets.values())
        self._facts: Mapping[str, Any] = {}
        self._environment = environment
        self._host: HostProcess | None = None
        self._lock = asyncio.Lock()
        self.note = ""

    @classmethod
    @asynccontextmanager
    async def start(cls, spec: FunctionSpec) -> AsyncIterator[FunctionProcess]:
        """Run the function as long as the block; raises RuntimeFailedError when it does not start."""
        platform = FUNCTION_PLATFORMS[spec.platform]
        with make_draft_folder(spec.package.parent) as temporary:
            async with serve_secrets(spec.secrets if platform.fetches_secrets else {}) as url:
                function = cls(spec, platform.build_environment(spec, str(temporary), url))
                try:
                    await function._ensure_host()
                    yield function
                finally:
                    await function._end_host()

    async def invoke(self, event: Any, *, request_id: str = "") -> Invocation:
        """Pass one event to the function; a failure of the function is part of the answer, not an exception."""
        async with self._lock:
            host = await self._ensure_host()
            call = self._platform.build_call(self._spec, self._facts, event, request_id or str(uuid.uuid4()))
            line = json.dumps(call).encode() + b"\n"
            if len(line) > self._platform.max_call_bytes:
                message = f"The event is over {self._platform.max_call_bytes // MIB} MB."
                call = {"error": _error_object(EVENT_TOO_LARGE, message)}
            if "error" in call:
                return Invocation(None, call["error"], "", 0)
            return replace(await self._invoke_host(host, line), function=self._name_function(call))

    def _name_function(self, call: Mapping[str, Any]) -> str:
        """Return the name of the function that a call is for, without the number that tells its triggers apart."""
        name = str(self._spec.environment.get(FUNCTION_VARIABLE) or call.get("function") or "")
        name = re.sub(r"_\d+$", "", name) if _ROUTES_SETTING in self._spec.environment else name
        return "" if name == RESERVED_FUNCTION_NAME else name

    async def _invoke_host(self, host: HostProcess, line: bytes) -> Invocation:
        host.logs.clear()
        began = time.perf_counter()
        answer = await self._ask_host(host, line)
        duration_ms = (time.perf_counter() - began) * 1000
        error, logs = self._redactor.redact_json(answer.get("error")), self._redactor.redact(host.logs.text())
        return Invocation(answer.get("result"), error, logs, duration_ms)

    async def _ask_host(self, host: HostProcess, line: bytes) -> Mapping[str, Any]:
        """Return the host's answer; the process is ended if there is none, also when the call is cancelled."""
        answer: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                reply = await host.ask(line)
            answer = _parse_answer(reply) if reply else {"error": await self._exit_error(host)}
        except TimeoutError:
            message = f"Task timed out after {self._spec.timeout_s:.2f} seconds"
            return {"error": _error_object(TIMED_OUT, message)}
        except ValueError:
            return {"error": _error_object(INVALID_ANSWER, "The process sent something that is not an answer.")}
        finally:
            if answer is None:
                await self._end_host()
        return answer

    async def _ensure_host(self) -> HostProcess:
        if self._host is None:
            self._host = await self._spawn()
            await self._await_ready(self._host)
        return self._host

    async def _spawn(self) -> HostProcess:
        spec, platform = self._spec, self._platform
        interpreter = await asyncio.to_thread(find_interpreter, spec.runtime, spec.memory_mb, platform.hosts)
        self.note = interpreter.note
        if fault := await asyncio.to_thread(_find_module_fault, spec) if interpreter.note else None:
            message = f"Cannot start function '{spec.name}': {fault.path} {fault.message}."
            raise RuntimeFailedError(message, hint=fault.hint)
        command = [*parent_death_signal_prefix(), *interpreter.command]
        try:
            return await HostProcess.spawn(
                command, [spec.handler], spec.package, self._environment, platform.max_answer_bytes
            )
        except OSError as error:
            raise self._start_error(str(error.strerror)) from error

    async def _await_ready(self, host: HostProcess) -> None:
        try:
            async with asyncio.timeout(self._platform.start_timeout_s):
                reply = await host.ask()
            answer = _parse_answer(reply) if reply else {"error": await self._exit_error(host)}
        except (TimeoutError, ValueError):
            answer = {
                "error": _error_object(TIMED_OUT, f"it was not ready within {self._platform.start_timeout_s:.0f} s")
            }
        if "error" in answer:
            await self._end_host()
            logs = self._redactor.redact(host.logs.text())
            cause = self._redactor.redact("{errorType}: {errorMessage}".format(**answer["error"]))
            raise self._start_error(cause, logs)
        if fault := self._platform.find_fault(self._spec, answer):
            await self._end_host()
            raise self._start_error(fault)
        self._facts = answer

    async def _exit_error(self, host: HostProcess) -> Mapping[str, Any]:
        self._host = None
        status = await host.end()
        how = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return _error_object(PROCESS_EXITED, f"Runtime exited with error: {how}")

    async def _end_host(self) -> None:
        host, self._host = self._host, None
        if host:
            await host.end()

    def _start_error(self, cause: str, logs: str = "") -> RuntimeFailedError:
        last = logs.strip().rpartition("\n")[2][-300:]
        said = f"The function said: {last}" if last else ""
        hint = " ".join(filter(None, (advise_on_failure(f"{cause}\n{logs}"), said)))
        message = f"Cannot start function '{self._spec.name}': {cause}."
        return RuntimeFailedError(message, hint=hint or "Look at the function's handler and its files.")


def _parse_answer(reply: bytes) -> Mapping[str, Any]:
    answer = json.loads(reply)
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    return answer


def _error_object(kind: str, message: str) -> Mapping[str, Any]:
    return {"errorType": kind, "errorMessage": message}


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many processes run at most, how long one stays idle, and how long a call waits before another one starts.

    A start takes many times as long as most calls, so a call first waits `wait_before_start_s` for a busy process.
    """

    max_processes: int = max(4, 2 * (os.cpu_count() or 1))
    idle_s: float = 600
    wait_before_start_s: float = 0.05


@dataclass(eq=False, slots=True)
class _PoolSlot:
    """One process of the pool; FunctionProcess itself replaces its process after a crash or a timeout."""

    function: FunctionProcess
    exits: AsyncExitStack
    expiry: asyncio.TimerHandle | None = field(default=None)


class FunctionPool:
    """Starts processes on demand, gives the last used one to the next call, and ends idle ones."""

    def __init__(self, spec: FunctionSpec, limits: PoolLimits | None = None) -> None:
        self.spec = spec
        self._limits = limits or PoolLimits()
        self._max_processes = min(self._limits.max_processes, spec.instances or self._limits.max_processes)
        self._alive = 0
        self._idle: list[_PoolSlot] = []
        self._waiters: deque[asyncio.Future[_PoolSlot | None]] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._emptied = asyncio.Event()
        self.note = ""

    async def invoke(self, event: object) -> Invocation:
        """Invoke the function in the next free process; raises RuntimeFailedError when none starts."""
        slot = await self._take_slot()
        try:
            return await slot.function.invoke(event)
        finally:
            self._return_slot(slot)

    async def aclose(self) -> None:
        """End idle processes now, and the others after they have answered all waiting calls."""
        self._is_closing = True
        while self._idle:
            self._end_slot(self._idle.pop())
        if self._alive:
            self._emptied.clear()
            await self._emptied.wait()

    async def _take_slot(self) -> _PoolSlot:
        if not self._idle:
            slot = await self._wait_for_slot() if self._alive else None
            return slot or await self._start_process()
        slot = self._idle.pop()
        if slot.expiry:
            slot.expiry.cancel()
        return slot

    async def _wait_for_slot(self) -> _PoolSlot | None:
        """Return the next free slot, or None when another process may be started."""
        waiter: asyncio.Future[_PoolSlot | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            if self._alive < self._max_processes:
                await asyncio.wait({waiter}, timeout=self._limits.wait_before_start_s)
                if self._alive < self._max_processes and waiter.cancel():
                    return None
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancel() and not waiter.cancelled():
                self._return_slot(waiter.result())
            raise

    async def _start_process(self) -> _PoolSlot:
        self._alive += 1
        exits = AsyncExitStack()
        try:
            function = await exits.enter_async_context(FunctionProcess.start(self.spec))
        except BaseException:
            self._forget_process()
            self._give_to_waiter(None)  # a waiting call may try to start one
            raise
        self.note = function.note
        return _PoolSlot(function, exits)

    def _return_slot(self, slot: _PoolSlot | None) -> None:
        if self._give_to_waiter(slot) or slot is None:
            return
        if self._is_closing:
            self._end_slot(slot)
            return
        slot.expiry = asyncio.get_running_loop().call_later(self._limits.idle_s, self._end_idle, slot)
        self._idle.append(slot)

    def _give_to_waiter(self, slot: _PoolSlot | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(slot)
                return True
        return False

    def _end_idle(self, slot: _PoolSlot) -> None:
        self._idle.remove(slot)
        self._end_slot(slot)

    def _end_slot(self, slot: _PoolSlot) -> None:
        if slot.expiry:
            slot.expiry.cancel()
        ending = asyncio.get_running_loop().create_task(self._close_slot(slot))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _close_slot(self, slot: _PoolSlot) -> None:
        try:
            await slot.exits.aclose()
        finally:
            self._forget_process()

    def _forget_process(self) -> None:
        self._alive -= 1
        if not self._alive:
            self._emptied.set()


def _find_module_fault(spec: FunctionSpec) -> Fault | None:
    files = (path.relative_to(spec.package).as_posix() for path in spec.package.rglob("*.so"))
    return find_module_fault(spec.runtime, files)
