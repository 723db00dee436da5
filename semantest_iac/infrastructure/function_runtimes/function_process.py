"""A function in a process of its own: one event at a time, warm in between, fresh after a timeout or a crash."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    ENDED,
    EVENT_TOO_LARGE,
    GARBLED,
    TIMED_OUT,
    FunctionSpec,
    Invocation,
)
from semantest_iac.infrastructure.function_runtimes.host_process import HostProcess
from semantest_iac.infrastructure.function_runtimes.interpreters import death_pact, interpreter_for
from semantest_iac.infrastructure.function_runtimes.platforms import PLATFORMS
from semantest_iac.infrastructure.function_runtimes.redaction import without_secrets
from semantest_iac.infrastructure.function_runtimes.secret_endpoint import secret_endpoint

MIB = 1024 * 1024


class FunctionProcess:
    """A running function; make it with `start`. Several may run side by side."""

    def __init__(self, spec: FunctionSpec, environment: Mapping[str, str]) -> None:
        self._spec = spec
        self._platform = PLATFORMS[spec.platform]
        self._facts: Mapping[str, Any] = {}
        self._environment = environment
        self._host: HostProcess | None = None
        self._turn = asyncio.Lock()
        self.note = ""

    @classmethod
    @asynccontextmanager
    async def start(cls, spec: FunctionSpec) -> AsyncIterator[FunctionProcess]:
        """Run the function as long as the block; raises RuntimeFailedError when it does not start."""
        platform = PLATFORMS[spec.platform]
        with tempfile.TemporaryDirectory(prefix="function-", ignore_cleanup_errors=True) as temporary:
            async with secret_endpoint(spec.secrets if platform.fetches_secrets else {}) as url:
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
                message = f"The event is over {self._platform.largest_call // MIB} MB."
                call = {"error": _error(EVENT_TOO_LARGE, message)}
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
            answer = _parsed(reply) if reply else {"error": await self._end_of(host)}
        except TimeoutError:
            message = f"Task timed out after {self._spec.timeout_s:.2f} seconds"
            return {"error": _error(TIMED_OUT, message)}
        except ValueError:
            return {"error": _error(GARBLED, "The process gave something that is not an answer.")}
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
        interpreter = await asyncio.to_thread(interpreter_for, spec.runtime, spec.memory_mb, platform.hosts)
        self.note = interpreter.note
        command = [*death_pact(), *interpreter.command]
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
            answer = _parsed(reply) if reply else {"error": await self._end_of(host)}
        except (TimeoutError, ValueError):
            answer = {"error": _error(TIMED_OUT, f"it was not ready within {self._platform.longest_start_s:.0f} s")}
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
        return _error(ENDED, f"Runtime exited with error: {how}")

    async def _discard(self) -> None:
        host, self._host = self._host, None
        if host:
            await host.end()

    def _refusal(self, cause: str, said: str = "") -> RuntimeFailedError:
        hint = f"The function said: {said}" if said else "Look at the function's handler and its files."
        return RuntimeFailedError(f"Cannot start function '{self._spec.name}': {cause}.", hint=hint)

    def _redacted(self, value: Any) -> Any:
        return without_secrets(value, self._spec.secrets.values())


def _parsed(reply: bytes) -> Mapping[str, Any]:
    answer = json.loads(reply)
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    return answer


def _error(kind: str, message: str) -> Mapping[str, Any]:
    return {"errorType": kind, "errorMessage": message}
