"""One deployed service with its processes: started by the first admitted request, warm for the next ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool, PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import MISSING_KEY, NO_ROUTE, TIMED_OUT, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend, TokenCheck
from semantest_iac.infrastructure.local_service.tokens.issuer_keys import IssuerKeys
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import WrongTokenError
from semantest_iac.infrastructure.local_service.traffic_counts import CallOutcome

InvocationListener = Callable[[Invocation], None]
_TIMED_OUT_INVOCATION = Invocation(
    None, {"errorType": TIMED_OUT, "errorMessage": "The gateway did not wait for the function."}, "", 0
)


def ignore_invocation(invocation: Invocation) -> None:
    """For callers that store no log."""


OutcomeListener = Callable[[CallOutcome], None]


def ignore_outcome(outcome: CallOutcome) -> None:
    """For callers that count no requests."""


class WarmService:
    """Answers requests through the newest frontend; leaving the block stops its processes.

    `on_invocation` receives every invocation when it ends, also those that no client waits for any more, and
    `on_outcome` what became of each request while two versions share the traffic.
    """

    def __init__(
        self,
        frontend: ApiFrontend,
        on_invocation: InvocationListener = ignore_invocation,
        limits: PoolLimits | None = None,
        on_outcome: OutcomeListener = ignore_outcome,
        issuer_keys: IssuerKeys | None = None,
    ) -> None:
        self._issuer_keys = issuer_keys or IssuerKeys()
        self._frontend = frontend
        self._on_outcome = on_outcome
        self._on_invocation = on_invocation
        self._limits = limits
        self._pools: dict[str, FunctionPool] = {}  # by function
        self._pool_lock = asyncio.Lock()
        self._running_calls: set[asyncio.Task[Any]] = set()
        self._closing_pools: set[asyncio.Task[Any]] = set()

    @property
    def is_web_socket(self) -> bool:
        """Whether the service speaks only WebSocket."""
        return self._frontend.is_web_socket

    @property
    def body_limit(self) -> BodyLimit:
        """The largest body of a request, and the answer to a larger one."""
        return self._frontend.body_limit

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut_down()

    async def shut_down(self) -> None:
        """Cancel running calls and end the processes now."""
        for task in self._running_calls:
            task.cancel()
        await asyncio.gather(*self._running_calls, return_exceptions=True)
        await self.retire()
        await asyncio.gather(*self._closing_pools)

    async def retire(self) -> None:
        """End the processes after their running calls."""
        pools, self._pools = self._pools, {}
        await asyncio.gather(*(pool.aclose() for pool in pools.values()))

    async def switch_to(self, frontend: ApiFrontend) -> None:
        """Answer new requests with another version; running calls end in the processes where they began."""
        specs = {name: await asyncio.to_thread(frontend.load, name) for name in list(self._pools)}
        self._frontend = frontend
        for name, pool in list(self._pools.items()):
            if pool.spec != specs.get(name):
                del self._pools[name]
                _start_task(pool.aclose(), self._closing_pools)

    async def call(self, request: HttpRequest, *, with_log: bool = True) -> ProbeAnswer:
        """Answer one request; raises RuntimeFailedError if the function cannot run."""
        started, frontend = time.perf_counter(), self._frontend
        admission = frontend.admit(request)
        if admission.token_check and (refused := await self._check_token(admission.token_check, request)):
            return refused
        if admission.direct_response:
            return ProbeAnswer(_response_for_method(request, admission.direct_response), origin=AnswerOrigin.PLATFORM)
        try:
            answer, has_failed = await self._answer(request, frontend, admission, with_log=with_log)
        except RuntimeFailedError:
            self._count(frontend, admission, started, has_failed=True)
            raise
        self._count(frontend, admission, started, has_failed=has_failed)
        return replace(answer, seconds=time.perf_counter() - started)

    async def _check_token(self, check: TokenCheck, request: HttpRequest) -> ProbeAnswer | None:
        """Return the refusal of a token, with the reason for the log; None if the token is in order."""
        try:
            await self._issuer_keys.verify(check.rules, check.rules.read_token(request))
        except WrongTokenError as error:
            response, note = _response_for_method(request, check.refusal), f"The token was refused: {error}."
            return ProbeAnswer(response, notes=(note,), origin=AnswerOrigin.PLATFORM)
        return None

    def _count(self, frontend: ApiFrontend, admission: AdmissionResult, started: float, *, has_failed: bool) -> None:
        if frontend.new_versions:
            is_new = admission.function in frontend.new_versions
            self._on_outcome(CallOutcome(is_new, has_failed, time.perf_counter() - started))

    async def _answer(
        self, request: HttpRequest, frontend: ApiFrontend, admission: AdmissionResult, *, with_log: bool
    ) -> tuple[ProbeAnswer, bool]:
        """Return the answer of the function, and whether it failed."""
        pool = await self._get_pool(frontend, admission.function)
        work = _start_task(self._invoke(pool, admission.event), self._running_calls)
        done, _ = await asyncio.wait({work}, timeout=frontend.timeout_s)
        invocation = work.result() if done else _TIMED_OUT_INVOCATION
        response = _response_for_method(request, frontend.respond(request, invocation))
        failure = f"The function failed: {invocation.failure}" if invocation.closing and invocation.error else ""
        notes = tuple(filter(None, (pool.note, failure)))
        log, origin = invocation.log if with_log else "", _origin_of(response, invocation)
        answer = ProbeAnswer(response, log, 0, notes, origin, invocation.failure_or_last_line)
        return answer, invocation.error is not None or response.status >= 500

    async def call_with_failure_response(self, request: HttpRequest) -> ProbeAnswer:
        """Answer one request without its log; if the function cannot run, answer as the cloud does and log why."""
        try:
            return await self.call(request, with_log=False)
        except RuntimeFailedError as error:
            failed = failed_invocation(error)
            self._on_invocation(failed)
            response = _response_for_method(request, self._frontend.respond(request, failed))
            return ProbeAnswer(response, notes=(_explain(error),), origin=AnswerOrigin.PLATFORM)

    async def _invoke(self, pool: FunctionPool, event: Any) -> Invocation:
        invocation = await pool.invoke(event)
        self._on_invocation(invocation)
        return invocation

    async def _get_pool(self, frontend: ApiFrontend, function: str) -> FunctionPool:
        async with self._pool_lock:
            if function not in self._pools:
                spec = await asyncio.to_thread(frontend.load, function)
                if spec is None:
                    raise RuntimeFailedError("Cannot run a function: it is no longer deployed.")
                self._pools[function] = FunctionPool(spec, self._limits)
            return self._pools[function]


def _origin_of(response: HttpResponse, invocation: Invocation) -> AnswerOrigin:
    """Who gave the response: the platform answers for a function that failed, or whose answer it does not understand.

    An app on the Functions host that has no such route, or whose route requires a key, has started and answers.
    """
    if invocation.error is not None:
        is_answer = invocation.error["errorType"] in (NO_ROUTE, MISSING_KEY)
        return AnswerOrigin.FUNCTION if is_answer else AnswerOrigin.PLATFORM
    result = invocation.result if isinstance(invocation.result, dict) else {}
    written = str(result.get("statusCode", result.get("status", "")))
    is_replaced = response.status == 500 and written != "500"
    return AnswerOrigin.PLATFORM if is_replaced else AnswerOrigin.FUNCTION


def failed_invocation(error: RuntimeFailedError) -> Invocation:
    """The invocation that a cloud reports if the function could not start."""
    return Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": _explain(error)}, "", 0)


def _explain(error: RuntimeFailedError) -> str:
    return " ".join(filter(None, (error.message, error.hint)))


def _start_task(work: Coroutine[Any, Any, Any], tasks: set[asyncio.Task[Any]]) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(_discard_exception)
    return task


def _discard_exception(task: asyncio.Task[Any]) -> None:
    """Keep asyncio from warning about a late call, whose error nobody awaits."""
    if not task.cancelled():
        task.exception()


def _response_for_method(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Drop the body of a response to HEAD, as HTTP does."""
    return replace(response, body=b"", stored_body=None) if request.method == "HEAD" else response
