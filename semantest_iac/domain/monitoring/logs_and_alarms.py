"""Log stores, alarms, and the account-wide permission for gateways to write logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Ref, Resource


class Signal(StrEnum):
    """A metric with the unit of its threshold."""

    ERROR_RATE = "error_rate"  # failed share of invocations, 0 to 1
    LATENCY = "latency"  # milliseconds, 95th percentile
    SERVER_ERRORS = "server_errors"  # 5xx answers per minute
    THROTTLES = "throttles"  # refused invocations per minute
    CONCURRENCY = "concurrency"  # invocations at once


FUNCTION_SIGNALS = frozenset({Signal.ERROR_RATE, Signal.THROTTLES, Signal.CONCURRENCY})
"""Signals that each function has; the others are those of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Resource):
    """Notifies `channel` when a signal exceeds its threshold and when it no longer does.

    `purpose` is that of the function it watches.
    """

    signal: Signal
    threshold: float
    function: Ref
    api: Ref
    channel: Ref
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLogging(Resource):
    """The permission for every gateway of an account and region to write logs; it outlives its stack."""


class LogSource(StrEnum):
    """What writes a log; clouds name the log after it."""

    FUNCTION = "function"
    ACCESS = "access"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStore(Resource):
    """The log of one source, retained for `retention_days`; `keep` retains it after a destroy.

    `purpose` is that of the function that writes it.
    """

    source: LogSource
    retention_days: int
    keep: bool = False
    purpose: str = ""
