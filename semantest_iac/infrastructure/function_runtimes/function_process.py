"""Runs a function in processes of its own: one event at a time in each, warm in between, several at once in a pool."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import uuid
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.domain.blueprints.parts import FUNCTION_VARIABLE
from semantest_iac.domain.environments.rules.function_rules import RESERVED_FUNCTION_NAME
from semantest_iac.domain.errors import Fault, RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import StoredBody
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.durable_files import make_draft_folder
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    CANNOT_START,
    EVENT_TOO_LARGE,
    INVALID_ANSWER,
    FunctionSpec,
    Invocation,
)
from semantest_iac.infrastructure.function_runtimes.host_process import HostProcess
from semantest_iac.infrastructure.function_runtimes.interpreters import find_compiled_module_fault, find_interpreter
from semantest_iac.infrastructure.function_runtimes.loopback import serve_secrets
from semantest_iac.infrastructure.function_runtimes.platform_logs import CallRecord, make_error
from semantest_iac.infrastructure.function_runtimes.platforms import (
    FUNCTION_PLATFORMS,
    MIB,
    find_exec_wrapper,
    parent_death_signal_prefix,
    wrap_command,
)
from semantest_iac.infrastructure.function_runtimes.runtime_libraries import find_missing_module_hint


@dataclass(frozen=True, slots=True)
class _StartedHost:
    """A process that loaded the function, or why it did not; `facts` is what the host told of it.

    `describe_error` returns the error of a call that could not begin.
    """

    host: HostProcess | None
    facts: Mapping[str, Any]
    init_ms: float
    output: str
    describe_error: Callable[[CallRecord], Mapping[str, Any]] | None = None


_ROUTES_SETTING = "SEMANTEST_ROUTES"  # of an app whose functions our entry registers


class FunctionProcess:
    """A function in a process of its own, replaced after a timeout or a crash; create it with `start`."""

    def __init__(
        self, spec: FunctionSpec, environment: Mapping[str, str], folder: Path, *, has_lower_priority: bool = False
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._platform = FUNCTION_PLATFORMS[spec.platform]
        self._redactor = Redactor(spec.secrets.values())
        self._environment = environment
        self._has_lower_priority = has_lower_priority
        self._started: _StartedHost | None = None
        self._is_fresh = False
        self._memory_mb = 0
        self._lock = asyncio.Lock()
        self.note = ""

    @classmethod
    @asynccontextmanager
    async def start(cls, spec: FunctionSpec, *, has_lower_priority: bool = False) -> AsyncIterator[FunctionProcess]:
        """Run the function as long as the block; raises RuntimeFailedError if this machine cannot run it.

        Code that cannot be loaded fails the invocations, each of which loads it again, as the clouds do.
        """
        platform = FUNCTION_PLATFORMS[spec.platform]
        with make_draft_folder(spec.package.parent) as folder:
            async with serve_secrets(spec.secrets if platform.fetches_secrets else {}) as url:
                environment = platform.prepare_environment(spec, folder, url)
                function = cls(spec, environment, folder, has_lower_priority=has_lower_priority)
                try:
                    await function._ensure_host()
                    yield function
                finally:
                    await function._end_host()

    async def invoke(self, event: Any, *, request_id: str = "") -> Invocation:
        """Pass one event to the function; a failure of the function is part of the answer, not an exception."""
        request_id = request_id or str(uuid.uuid4())
        async with self._lock:
            started = await self._ensure_host()
            init_ms, self._is_fresh = started.init_ms if self._is_fresh else None, False
            record = CallRecord(request_id, init_ms=init_ms, memory_mb=self._memory_mb)
            if started.host is None:
                self._started = None
                error = started.describe_error(record) if started.describe_error else None
                record = replace(record, earlier_output=started.output, error=error, is_code_loaded=False)
                return self._finish(record, None, "")
            call = self._platform.build_call(self._spec, started.facts, event, request_id)
            line = json.dumps({**call, "answerFile": str(self._answer_file(request_id))}).encode() + b"\n"
            if len(line) + call.get("stored", {}).get("size", 0) > self._platform.max_call_bytes:
                message = f"The event is over {self._platform.max_call_bytes // MIB} MB."
                call = {"error": make_error(EVENT_TOO_LARGE, message)}
            if "error" in call:  # the platform answers itself
                return Invocation(None, call["error"], "", 0)
            before = (started.output if init_ms is not None else "") + started.host.logs.take()
            return await self._invoke_host(
                started.host, line, replace(record, earlier_output=before, function=str(call.get("function", "")))
            )

    def _configured_function_name(self, registered_name: str) -> str:
        """Return the name of the function that a call is for, without the number that tells its triggers apart."""
        name = self._spec.environment.get(FUNCTION_VARIABLE) or registered_name
        name = re.sub(r"_\d+$", "", name) if _ROUTES_SETTING in self._spec.environment else name
        return "" if name == RESERVED_FUNCTION_NAME else name

    async def _invoke_host(self, host: HostProcess, line: bytes, record: CallRecord) -> Invocation:
        began = time.perf_counter()
        answer = await self._ask_host(host, line, record)
        duration_ms = (time.perf_counter() - began) * 1000
        record = replace(record, duration_ms=duration_ms, memory_mb=self._memory_mb, error=answer.get("error"))
        stored = self._find_stored_body(answer, record.request_id)
        await asyncio.sleep(0)  # other work may come between the answer and its log
        invocation = self._finish(record, answer.get("result"), host.logs.take(), answer.get("raw"))
        return replace(invocation, stored_body=stored)

    def _answer_file(self, request_id: str) -> Path:
        return self._folder / f"answer-{request_id}"

    def _find_stored_body(self, answer: Mapping[str, Any], request_id: str) -> StoredBody | None:
        """Return the body that the host put into a file, which is removed with its last use."""
        path = self._answer_file(request_id)
        if "error" in answer:
            path.unlink(missing_ok=True)  # of a process that was ended
        if not answer.get("isStored"):
            return None
        stored = StoredBody(str(path), path.stat().st_size)
        weakref.finalize(stored, _remove_file, path)
        return stored

    def _finish(self, record: CallRecord, result: Any, output: str, raw: str | None = None) -> Invocation:
        """Build the invocation with all of its log, without the values of secrets: the output has none."""
        log = self._platform.log
        record = replace(record, error=self._redactor.redact_json(record.error))
        message = str((record.error or {}).get("errorMessage", ""))
        return Invocation(
            result,
            record.error,
            output,
            record.duration_ms,
            log.format_opening(self._spec, record),
            log.format_closing(self._spec, record),
            find_missing_module_hint(self._spec, message) if message else "",
            self._configured_function_name(record.function),
            raw,
        )

    async def _ask_host(self, host: HostProcess, line: bytes, record: CallRecord) -> Mapping[str, Any]:
        """Return the host's answer; the process is ended if there is none, also when the call is cancelled."""
        answer: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                reply = await host.ask(line)
            answer = _parse_answer(reply) if reply else {"error": await self._end_and_describe_exit(host, record)}
        except TimeoutError:
            return {"error": self._platform.log.describe_timeout(self._spec, record)}
        except ValueError:
            return {"error": _describe_invalid_answer(record)}
        finally:
            self._memory_mb = max(self._memory_mb, host.measure_memory())
            if answer is None or answer.get("ends"):  # the host says that it cannot go on
                await self._end_host()
        return answer

    async def _ensure_host(self) -> _StartedHost:
        if self._started is None:
            self._started, self._is_fresh = await self._start_host(), True
        return self._started

    async def _start_host(self) -> _StartedHost:
        """Start a process and wait until it has loaded the function, as long as a call may take."""
        began, host = time.perf_counter(), await self._spawn()
        answer: Mapping[str, Any] = {}
        describe_error: Callable[[CallRecord], Mapping[str, Any]] | None = None
        try:
            async with asyncio.timeout(max(self._platform.start_timeout_s, self._spec.timeout_s)):
                reply = await host.ask()
            answer = self._replace_if_unstartable(_parse_answer(reply)) if reply else {}
            if not reply:
                describe_error = partial(self._platform.log.describe_exit, self._spec, status=await host.end())
            elif "error" in answer:
                describe_error = partial(_return_error, answer["error"])
        except TimeoutError:
            describe_error = partial(self._platform.log.describe_timeout, self._spec)
        except ValueError:
            describe_error = _describe_invalid_answer
        finally:
            self._memory_mb = host.measure_memory()
            if not answer or "error" in answer:
                await host.end()
        init_ms = (time.perf_counter() - began) * 1000
        return _StartedHost(None if describe_error else host, answer, init_ms, host.logs.take(), describe_error)

    def _replace_if_unstartable(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace an answer by an error if the cloud would not start such a function."""
        fault = "" if "error" in answer else self._platform.find_fault(self._spec, answer)
        return {"error": make_error(CANNOT_START, fault)} if fault else answer

    async def _spawn(self) -> HostProcess:
        spec, platform = self._spec, self._platform
        interpreter = await asyncio.to_thread(find_interpreter, spec.runtime, spec.memory_mb, platform.hosts)
        self.note = interpreter.note
        if fault := await asyncio.to_thread(_find_compiled_module_fault, spec) if interpreter.note else None:
            message = f"Cannot start function '{spec.name}': {fault.path} {fault.message}."
            raise RuntimeFailedError(message, hint=fault.hint)
        command = [*parent_death_signal_prefix(), *wrap_command(find_exec_wrapper(spec)), *interpreter.command]
        try:
            host = await HostProcess.spawn(
                command, spec.package, self._environment, platform.max_answer_bytes, self._redactor
            )
        except OSError as error:
            message = f"Cannot start function '{spec.name}': {error.strerror}."
            raise RuntimeFailedError(message, hint="Look at the function's handler and its files.") from error
        if self._has_lower_priority:
            host.lower_priority()
        return host

    async def _end_and_describe_exit(self, host: HostProcess, record: CallRecord) -> Mapping[str, Any]:
        self._started = None
        return self._platform.log.describe_exit(self._spec, record, await host.end())

    async def _end_host(self) -> None:
        started, self._started = self._started, None
        if started and started.host:
            await started.host.end()


def _describe_invalid_answer(record: CallRecord) -> Mapping[str, Any]:
    return make_error(INVALID_ANSWER, "The process sent something that is not an answer.")


def _return_error(error: Mapping[str, Any], record: CallRecord) -> Mapping[str, Any]:
    return error


def _parse_answer(reply: bytes) -> dict[str, Any]:
    """Parse an answer; `raw` is added to a result whose text may become the body of a response as it is."""
    answer = json.loads(reply)
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    result = answer.get("result")
    is_passed_on = not isinstance(result, str) and not (isinstance(result, dict) and "statusCode" in result)
    if "result" in answer and is_passed_on and "raw" not in answer and "isStored" not in answer:
        answer["raw"] = reply[reply.index(b":") + 1 : reply.rindex(b"}")].decode().strip()
    return answer


def _remove_file(path: Path) -> None:
    """Remove a large file in a thread, where there is an event loop that would wait for it."""
    remove = partial(path.unlink, missing_ok=True)
    try:
        asyncio.get_running_loop().run_in_executor(None, remove)
    except RuntimeError:
        remove()


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
        is_further, exits = self._alive > 0, AsyncExitStack()
        self._alive += 1
        try:
            process = FunctionProcess.start(self.spec, has_lower_priority=is_further)
            function = await exits.enter_async_context(process)
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


def _find_compiled_module_fault(spec: FunctionSpec) -> Fault | None:
    files = (path.relative_to(spec.package).as_posix() for path in spec.package.rglob("*.so"))
    return find_compiled_module_fault(spec.runtime, files)
