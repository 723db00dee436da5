"""Calls the service of a sandbox stack: its deployed package, in a process, from a real cloud event."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import Answer
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.sandbox_engine import aws_door
from semantest_iac.infrastructure.sandbox_engine.front import Front
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.store import StateStore

Unpack = Callable[[Path], Path]

_FRONTS: Mapping[str, Callable[[Snapshot, Unpack], Front | None]] = {"aws": aws_door.front}


class SandboxDoor:
    """The ServiceProbe of the sandbox; starts a fresh process for each call, as after a long silence."""

    def __init__(self, store: StateStore, unpack: Unpack) -> None:
        self._store = store
        self._unpack = unpack

    async def call(self, stack: Stack, request: HttpRequest) -> Answer:
        """Through route and function to the answer; raises NotFoundError where no such stack is deployed."""
        front = _FRONTS[stack.provider](self._store.snapshot(stack), self._unpack)
        if front is None:
            raise NotFoundError(
                f"Cannot call '{stack}': nothing is deployed there.",
                hint=f"Run: python -m semantest_iac deploy --component {stack.component} --provider {stack.provider}",
            )
        started = time.perf_counter()
        arrival = front.admit(request)
        if arrival.refusal:
            return Answer(arrival.refusal)
        async with FunctionProcess.start(front.function) as function:
            invocation = await function.invoke(arrival.event)
            notes = tuple(filter(None, (function.note, arrival.note)))
        seconds = time.perf_counter() - started
        return Answer(front.answer(invocation), invocation.logs, seconds, notes)
