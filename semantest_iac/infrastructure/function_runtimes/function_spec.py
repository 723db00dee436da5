"""Defines what is needed to run a function, and the result of one invocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMED_OUT = "Sandbox.Timedout"
PROCESS_EXITED = "Runtime.ExitError"
INVALID_ANSWER = "Runtime.InvalidAnswer"
EVENT_TOO_LARGE = "Function.RequestTooLarge"
NO_ROUTE = "Host.NoRoute"
MISSING_KEY = "Host.NoKey"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A deployed function: `package` is its unpacked folder, `secrets` maps secret references to values.

    `instances` is how many processes may run at once, 0 for no limit of the cloud.

    On `lambda` the values reach the function only through the secrets endpoint; on `functions` they replace their
    references in the environment, as on Azure.
    """

    package: Path
    handler: str
    runtime: str
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: float = 3
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = "function"
    version: str = field(default="$LATEST", compare=False)  # the function does the same in every version
    region: str = "us-east-1"
    account: str = "123456789012"
    platform: str = "lambda"
    instances: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """The result of one call: the function's JSON value, or in `error` an error object in Lambda's form.

    `logs` is the bounded end of the function's output during the call. `function` is its name, if a stack has several.
    """

    result: Any
    error: Mapping[str, Any] | None
    logs: str
    duration_ms: float
    function: str = ""

    @property
    def is_timed_out(self) -> bool:
        return self.error is not None and self.error["errorType"] == TIMED_OUT

    @property
    def log_with_failure(self) -> str:
        """Return the function's output with a last line that says how it failed."""
        if self.error is None:
            return self.logs
        failure = "{errorType}: {errorMessage}".format(**self.error)
        return f"{self.logs.rstrip()}\n{' '.join(failure.split())}\n".lstrip()
