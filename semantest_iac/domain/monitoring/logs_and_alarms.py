"""Log stores, alarms, and the account-wide permission for gateways to write logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Ref, Resource


class Signal(StrEnum):
    """What is measured, with the unit of its threshold."""

    ERROR_RATE = "error_rate"  # failed share of invocations, 0 to 1
    LATENCY = "latency"  # milliseconds, 95th percentile
    SERVER_ERRORS = "server_errors"  # 5xx answers per minute
    THROTTLES = "throttles"  # refused invocations per minute
    CONCURRENCY = "concurrency"  # invocations at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Resource):
    """Raised when a signal passes its threshold; `channel` hears of it and of the end of it."""

    signal: Signal
    threshold: float
    function: Ref
    api: Ref
    channel: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLogging(Resource):
    """Outlives its stack: the gateways of all other stacks write through it."""


class LogSource(StrEnum):
    """Who writes the log: clouds expect them under different names."""

    FUNCTION = "function"
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStore(Resource):
    """Logs of one source, kept for `retention_days`; `keep` leaves them behind on removal.

    `purpose` is that of the function that writes them.
    """

    source: LogSource
    retention_days: int
    keep: bool = False
    purpose: str = ""
