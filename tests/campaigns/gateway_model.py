"""What a gateway may let pass, by the algorithm that its cloud documents and the times that clients saw.

A client knows when it sent a request and when its answer came; in between the gateway decided. Each check says what
holds whatever the moments were, so what it finds is a fault for certain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its answer; `wait_s` is what `Retry-After` said, 0 without."""

    sent: float
    answered: float
    status: int
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """`calls` in `seconds`: in any such time (a window), or a bucket of so many that is filled again all the time."""

    calls: int
    seconds: float
    is_bucket: bool

    def __str__(self) -> str:
        if self.is_bucket:
            return f"a bucket of {self.calls} and one each {1 / self.rate:.1f} s"
        return f"{self.calls} in {self.seconds:.0f} s"

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


def count_allowed(limit: Limit, passed: Sequence[Exchange], refused: Sequence[Exchange]) -> range:
    """Return how many may have passed, where some were refused.

    The last refusal says that until then none was left over, and nothing passed after the last answer.
    """
    began = min(it.sent for it in passed), min(it.answered for it in passed)
    shortest = max(0.0, max(it.sent for it in refused) - began[1])
    longest = max(it.answered for it in passed) - began[0]
    if limit.is_bucket:
        least, most = (limit.calls + math.floor(limit.rate * seconds) for seconds in (shortest, longest))
        return range(least, most + 1)
    return range(limit.calls, limit.calls * (1 + math.floor(longest / limit.seconds)) + 1)


def find_limit_faults(name: str, limit: Limit, exchanges: Sequence[Exchange]) -> Iterator[str]:
    """Yield what contradicts the limit: passes beyond it, refusals below it, and a wrong number of passes."""
    passed = [it for it in exchanges if it.status != TOO_MANY]
    refused = [it for it in exchanges if it.status == TOO_MANY]
    too_many = _exceeds_bucket if limit.is_bucket else _exceeds_window
    if too_many(limit, passed):
        yield f"{name}: more passed than {limit.calls} in {limit.seconds:.0f} s"
    needless = _find_needless_in_bucket if limit.is_bucket else _find_needless_in_window
    if found := sum(1 for it in refused if needless(limit, passed, it)):
        yield f"{name}: {found} were refused though the limit was not reached"
    allowed = count_allowed(limit, passed, refused) if refused else range(limit.calls + 1)
    if len(passed) not in allowed:
        yield f"{name}: {len(passed)} passed of {allowed.start} to {allowed.stop - 1} that may"


def _exceeds_window(limit: Limit, passed: Sequence[Exchange]) -> bool:
    """Whether more passed than the limit, from one request's sending to another's answer within one window."""
    return any(
        sum(1 for it in passed if it.sent >= first.sent and it.answered < first.sent + limit.seconds) > limit.calls
        for first in passed
    )


def _exceeds_bucket(limit: Limit, passed: Sequence[Exchange]) -> bool:
    """Whether more passed in any time than a full bucket and what came into it meanwhile."""
    by_answer = sorted(passed, key=lambda it: it.answered)
    for first in passed:
        within = 0
        for it in by_answer:
            if it.sent < first.sent:
                continue
            within += 1
            if within > limit.calls + limit.rate * (it.answered - first.sent) + 1e-6:
                return True
    return False


def _find_needless_in_window(limit: Limit, passed: Sequence[Exchange], refused: Exchange) -> bool:
    """Whether a request was refused though fewer can have passed in the window before it."""
    before = sum(1 for it in passed if it.answered > refused.sent - limit.seconds and it.sent <= refused.answered)
    return before < limit.calls


def _find_needless_in_bucket(limit: Limit, passed: Sequence[Exchange], refused: Exchange) -> bool:
    """Whether a request was refused though the bucket had one, even if every pass near it came before it."""
    latest = sorted((it.answered for it in passed if it.sent <= refused.answered), reverse=True)
    left = (
        limit.calls + limit.rate * max(0.0, refused.sent - moment) - taken for taken, moment in enumerate(latest, 1)
    )
    return min(left, default=limit.calls) >= 1


def find_wait_faults(name: str, limit: Limit, exchanges: Sequence[Exchange]) -> Iterator[str]:
    """Yield a fault where a refusal by a window says another time than that after which its first pass leaves it.

    For requests of less than one window, of which the first passed.
    """
    passed = [it for it in exchanges if it.status != TOO_MANY]
    earliest, latest = min(it.sent for it in passed), min(it.answered for it in passed)
    for it in exchanges:
        if it.status == TOO_MANY:
            least = math.ceil(earliest + limit.seconds - it.answered)
            most = math.ceil(latest + limit.seconds - it.sent)
            if not max(1, least) <= it.wait_s <= max(1, most):
                yield f"{name}: Retry-After is {it.wait_s} s in place of {least} to {most}"
                return
