"""Defines what is needed to run a function, the ids by which clouds trace a call, and the result of one."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import StoredBody

TIMED_OUT = "Sandbox.Timedout"
PROCESS_EXITED = "Runtime.ExitError"
INVALID_ANSWER = "Runtime.InvalidAnswer"
EVENT_TOO_LARGE = "Function.RequestTooLarge"
NO_ROUTE = "Host.NoRoute"
MISSING_KEY = "Host.NoKey"
CANNOT_START = "Host.CannotStart"
_ROOT = re.compile(r"(?:^|;)\s*(Root=1-[0-9a-f]{8}-[0-9a-f]{24})", re.IGNORECASE)
_TRACE_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log format of a Lambda function, and the levels from which its code and Lambda itself write."""

    is_json: bool = False
    group: str = ""
    application_level: str = ""
    system_level: str = "INFO"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A deployed function: `package` is its unpacked folder, `secrets` maps secret references to values.

    `instances` is how many processes may run at once, 0 for no limit of the cloud. `qualifier` is the version or alias
    through which the function is called.

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
    qualifier: str = ""
    log_settings: LogSettings = LogSettings()

    @property
    def arn(self) -> str:
        """The ARN by which the function is called."""
        name = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return f"{name}:{self.qualifier}" if self.qualifier else name


def make_trace_root() -> str:
    """Make the part of X-Ray's trace header that API Gateway adds to a request."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def find_trace_root(values: Iterable[str]) -> str:
    """Find the root in the values of a trace header; empty if there is none."""
    matches = (match for value in values if (match := _ROOT.search(value)))
    return next((match[1] for match in matches), "")


def make_trace_id(root: str = "") -> str:
    """Make the trace header that Lambda gives a call that is not sampled; its root is that of the request."""
    parent, lineage = secrets.token_hex(8), secrets.token_hex(4)
    return f"{root or make_trace_root()};Parent={parent};Sampled=0;Lineage=1:{lineage}:0"


def make_trace_parent(received: str = "") -> str:
    """Make the id of the activity in which ASP.NET handles a request; it continues the trace of the client."""
    match = _TRACE_PARENT.fullmatch(received.strip())
    trace, flags = (match[1], match[2]) if match else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


@dataclass(frozen=True, slots=True)
class Invocation:
    """The result of one call: the function's JSON value, or in `error` an error object in the form of its runtime.

    `answer` is the text that the runtime sent, if the result is neither a text nor an object with a status code. A
    large body is missing in the result and in `stored_body`; without an object, it is the text of the whole result.
    `output` is the bounded end of what the function and its runtime wrote during the call; `opening` and `closing` are
    what the platform wrote before and after it. `hint` says what this machine lacks to run the function. `function` is
    its name, if a stack has several.
    """

    result: Any
    error: Mapping[str, Any] | None
    output: str
    duration_ms: float
    opening: str = ""
    closing: str = ""
    hint: str = ""
    function: str = ""
    answer: str | None = None
    stored_body: StoredBody | None = None

    @property
    def is_timed_out(self) -> bool:
        return self.error is not None and self.error["errorType"] == TIMED_OUT

    @property
    def failure(self) -> str:
        """How the call failed, on one line; empty if it did not."""
        if self.error is None:
            return ""
        words = "{errorType}: {errorMessage}".format(**self.error).split()
        return " ".join((*words, f"({self.hint})") if self.hint else words)

    @property
    def failure_or_last_line(self) -> str:
        """How the call failed, or the last line that the function wrote."""
        return self.failure or next((line for line in reversed(self.output.split("\n")) if line.strip()), "")

    @property
    def log_events(self) -> list[str]:
        """The events of the log of the call; those of several lines have line feeds in them.

        A carriage return separates the lines of one event, so that no text can begin an event of its own.
        """
        parts = (self.opening, self.output, self.closing or "\n".join(self._failure_lines()), self.hint)
        lines = (line for part in parts for line in part.replace("\r\n", "\n").split("\n") if line.strip())
        return [line.strip("\r").replace("\r", "\n") for line in lines]

    @property
    def log(self) -> str:
        """The log of the call as text; the further lines of an event are indented."""
        return "".join(f"{event.replace(chr(10), f'{chr(10)}  ')}\n" for event in self.log_events)

    def _failure_lines(self) -> Iterator[str]:
        if self.error is not None:
            yield "{errorType}: {errorMessage}".format(**self.error).replace("\n", "\r")
            yield from map(str, self.error.get("stackTrace") or ())
