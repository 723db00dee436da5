"""Where a function believes to run: the host in its process, what that is given and sent, and what it may carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.infrastructure.function_runtimes.environment import functions_environment, lambda_environment
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.functions_routes import functions_call

MIB = 1024 * 1024
Facts = Mapping[str, Any]
"""What the host told when it was ready."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One cloud's way to run functions; `call` gives what the host is sent, or `error` where it would not be called.

    `largest_line` bounds what one answer may fill of our memory.
    """

    hosts: Mapping[str, str]
    environment: Callable[[FunctionSpec, str, str], Mapping[str, str]]
    call: Callable[[FunctionSpec, Facts, Any, str], Mapping[str, Any]]
    longest_start_s: float
    largest_call: int
    largest_line: int
    fetches_secrets: bool


def lambda_call(spec: FunctionSpec, facts: Facts, event: Any, request_id: str) -> Mapping[str, Any]:
    """The event, and what the handler's context is made of."""
    context = {
        "aws_request_id": request_id,
        "invoked_function_arn": spec.arn,
        "remaining_ms": int(spec.timeout_s * 1000),
    }
    return {"event": event, "context": context}


PLATFORMS: Mapping[str, Platform] = {
    "lambda": Platform(
        hosts={"python": "python_host.py", "nodejs": "node_host.cjs"},
        environment=lambda_environment,
        call=lambda_call,
        longest_start_s=10,  # Lambda's own limit
        largest_call=6 * MIB,
        largest_line=8 * MIB,
        fetches_secrets=True,
    ),
    "functions": Platform(
        hosts={"python": "functions_python_host.py", "nodejs": "functions_node_host.cjs"},
        environment=functions_environment,
        call=functions_call,
        longest_start_s=60,  # how long Azure's host waits for its worker
        largest_call=136 * MIB,  # a request of 100 MB in base64
        largest_line=180 * MIB,
        fetches_secrets=False,
    ),
}
