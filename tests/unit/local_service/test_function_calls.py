"""What calls of functions are answered with by the endpoint of this machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.messaging.function_calls import LARGEST_EVENT, answer_invoke

_PATH = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aprices/invocations"


@pytest.mark.parametrize(("size", "status"), [(LARGEST_EVENT, 200), (LARGEST_EVENT + 1, 413)])
async def test_events_are_as_large_as_lambda_takes_them(size: int, status: int) -> None:
    calls: list[str] = []

    async def call(arn: str, event: Any) -> Invocation:
        calls.append(arn)
        return Invocation({}, None, "", 0)

    body = b'"' + b"x" * (size - 2) + b'"'
    answer = await answer_invoke(call, LoopbackRequest("POST", _PATH, {}, body))

    assert (answer.status, len(calls)) == (status, 1 if status == 200 else 0)
    if status != 200:
        assert dict(answer.headers)["x-amzn-errortype"] == "RequestEntityTooLargeException"
        assert "must be smaller than 6291456 bytes" in json.loads(answer.body)["message"]
