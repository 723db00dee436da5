"""What it takes to run a function, and what one call to it comes to."""

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

    `instances` is how many may run at once on its cloud, 0 where that is left open.

    On `lambda` the values reach the function only through the secrets endpoint; on `functions` they take the place of
    their references in the environment, as Azure does it.
    """

    package: Path
    handler: str
    runtime: str
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: float = 3
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = "function"
    version: str = field(default="$LATEST", compare=False)  # by another number a function does nothing else
    region: str = "us-east-1"
    account: str = "123456789012"
    platform: str = "lambda"
    instances: int = 0

    @property
    def arn(self) -> str:
        """The name that the function sees as its own."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call: `result` is the function's JSON value, unless `error` holds an error object of Lambda's form.

    `logs` is the end of what the function wrote meanwhile, bounded.
    """

    result: Any
    error: Mapping[str, Any] | None
    logs: str
    duration_ms: float

    @property
    def is_timed_out(self) -> bool:
        """Whether the function was ended because it took longer than its timeout."""
        return self.error is not None and self.error["errorType"] == TIMED_OUT

    @property
    def words(self) -> str:
        """What the function wrote and, as its last line, how it failed."""
        if self.error is None:
            return self.logs
        failure = "{errorType}: {errorMessage}".format(**self.error)
        return f"{self.logs.rstrip()}\n{' '.join(failure.split())}\n".lstrip()
