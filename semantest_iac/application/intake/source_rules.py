"""Judges a request by those that the same source sent for the same stack before: its place and its rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal, SourceHistory, SourceOrder
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.instants import format_instant
from semantest_iac.domain.messaging.request_limits import is_request_limit, split_request_limit

CLOCK_TOLERANCE_S = 5.0  # the clocks of one source's machines differ by less
LIMIT_VARIABLE = "SEMANTEST_REQUEST_LIMIT"
NO_LIMIT = "off"
CONFLICT_CODE = "REQUEST_CONFLICT"
_LONGEST_NAME = 80
_Order = TypeVar("_Order", str, float)


def find_refusal_by_source(
    source: str, order: SourceOrder | None, limit: RequestLimit | None, history: SourceHistory, now: float
) -> RequestRefusal | None:
    """Return why a request is refused: it is older than an accepted one, or one too many; None if it is neither."""
    stale = _find_staleness(source, order, history) if order else None
    return stale or (_find_excess(source, limit, history, now) if limit else None)


def is_refusal_recorded(limit: RequestLimit | None, history: SourceHistory, now: float) -> bool:
    """Whether one more refusal is recorded: a flood of requests must not fill the ledger with its answers."""
    return limit is None or start_window(history, limit, now).refused < limit.count


def count_refused(limit: RequestLimit | None, history: SourceHistory, now: float) -> SourceHistory:
    """Return the history after one more refusal."""
    current = start_window(history, limit, now)
    return replace(current, refused=current.refused + 1)


def count_accepted(
    deployment: str, order: SourceOrder | None, limit: RequestLimit | None, history: SourceHistory, now: float
) -> SourceHistory:
    """Return the history after one more accepted request, which may have the highest order.

    A time that has not come yet counts as now, or else one wrong clock would make all later requests stale.
    """
    current = start_window(history, limit, now)
    current = replace(current, accepted=current.accepted + 1)
    if order is None:
        return current
    moment = None if order.occurred_at is None else min(order.occurred_at, now)
    newest = SourceOrder(_later(history.newest.sequence, order.sequence), _later(history.newest.occurred_at, moment))
    return replace(current, newest=newest, deployment=deployment if newest != history.newest else history.deployment)


def start_window(history: SourceHistory, limit: RequestLimit | None, now: float) -> SourceHistory:
    """Return the history in the window of `now`, which may be a new one; without a limit there is one window only."""
    if limit is None or history.window_start <= now < history.window_start + limit.window_s:
        return history
    return replace(history, window_start=now, accepted=0, refused=0)


def read_request_limit(text: str | None) -> RequestLimit | None:
    """Return the limit that `COUNT` or `COUNT/SECONDS` states, None for `off`; raises ValidationError."""
    if not text:
        return RequestLimit()
    if text == NO_LIMIT:
        return None
    if is_request_limit(text):
        return parse_limit(text)
    fault = Fault(LIMIT_VARIABLE, f"'{make_printable(text)}' is not a limit", "Write 60/60 (requests/seconds) or off.")
    raise ValidationError("Cannot limit the rate of requests.", faults=[fault])


def parse_limit(text: str) -> RequestLimit:
    """Return the limit that REQUESTS/SECONDS, or REQUESTS within a minute, states."""
    return RequestLimit(*split_request_limit(text))


def build_conflict_refusal(deployment: str) -> RequestRefusal:
    """Return the refusal of a request whose id is that of another one."""
    return RequestRefusal(
        CONFLICT_CODE,
        f"Another request with the same id was accepted before, as deployment '{deployment}'.",
        "Give each request an id of its own.",
        deployment=deployment,
    )


def _find_staleness(source: str, order: SourceOrder, history: SourceHistory) -> RequestRefusal | None:
    """The source's own order decides; times are compared where one of the two requests has none."""
    newest = history.newest
    if order.sequence is not None and newest.sequence is not None:
        is_stale = order.sequence < newest.sequence
        difference = f"sequence {_show(order.sequence)} is before {_show(newest.sequence)}"
    elif order.occurred_at is not None and newest.occurred_at is not None:
        is_stale = order.occurred_at < newest.occurred_at - CLOCK_TOLERANCE_S
        difference = f"{_format_time(order.occurred_at)} is before {_format_time(newest.occurred_at)}"
    else:
        return None
    if not is_stale:
        return None
    return RequestRefusal(
        "STALE_REQUEST",
        f"A newer request of '{_shorten(source)}' was accepted before, as deployment '{history.deployment}':"
        f" {difference}.",
        "Nothing is to be done if the newer one is what is wanted; else send the request again as a new event.",
        deployment=history.deployment,
    )


def _find_excess(source: str, limit: RequestLimit, history: SourceHistory, now: float) -> RequestRefusal | None:
    current = start_window(history, limit, now)
    if current.accepted < limit.count:
        return None
    retry_at = current.window_start + limit.window_s
    return RequestRefusal(
        "RATE_LIMITED",
        f"'{_shorten(source)}' has sent {current.accepted} requests for this stack within {limit.window_s:g} s.",
        f"Send it again after {_format_time(retry_at)}. {LIMIT_VARIABLE} changes the limit.",
        retry_at=retry_at,
    )


def _later(known: _Order | None, given: _Order | None) -> _Order | None:
    return max((it for it in (known, given) if it is not None), default=None)


def _shorten(text: str) -> str:
    return make_printable(text, _LONGEST_NAME)


def _show(sequence: str) -> str:
    return _shorten(sequence.lstrip("0") or "0")


def _format_time(seconds: float) -> str:
    return format_instant(datetime.fromtimestamp(seconds, UTC))
