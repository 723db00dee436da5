"""Validation rules for canaries, which hold on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from semantest_iac.domain.delivery.canary import LONGEST_BAKE_S, WHOLE
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, refuse
from semantest_iac.domain.environments.sections import CanarySection

MOST_STEPS = 10


def check_canary(subject: RuleSubject) -> Iterator[Finding]:
    """The shares grow and leave the version before something, and the times and limits are usable."""
    canary = subject.section.canary
    if canary is None:
        return
    if not subject.serves_http and canary.steps:
        reason = "the messages of one connection would go to both versions"
        hint = "Write canary: none; clients stay connected while a new version is deployed."
        yield refuse("canary", f"a WebSocket API has no canary: {reason}", hint)
    yield from _check_steps(canary)
    yield from _check_limits(canary)


def _check_steps(canary: CanarySection) -> Iterator[Finding]:
    steps, hint = canary.steps, "Such as 10%, or [10, 50]; then it gets all of the traffic."
    if steps is None:
        yield refuse("canary.steps", "no shares of the traffic", hint)
        return
    if not all(0 < step < WHOLE for step in steps):
        yield refuse("canary.steps", "shares must be 1 to 99 percent", hint)
    if list(steps) != sorted({*steps}):
        yield refuse("canary.steps", "each share must be larger than the one before it", hint)
    if len(steps) > MOST_STEPS:
        yield refuse("canary.steps", f"at most {MOST_STEPS} steps, not {len(steps)}")


def _check_limits(canary: CanarySection) -> Iterator[Finding]:
    if canary.bake_s is not None and not 1 <= canary.bake_s <= LONGEST_BAKE_S:
        yield refuse("canary.bake_s", f"bake_s must be 1 to {LONGEST_BAKE_S} s, not {canary.bake_s}", "Such as 300.")
    if canary.max_error_rate is not None and not 0 <= canary.max_error_rate < 1:
        yield refuse("canary.max_error_rate", "max_error_rate must be 0 or more, below 1", "Such as 0.01.")
    if canary.max_latency_ms is not None and not (isfinite(canary.max_latency_ms) and canary.max_latency_ms > 0):
        yield refuse("canary.max_latency_ms", "max_latency_ms must be above 0")
    if canary.min_requests is not None and canary.min_requests < 1:
        yield refuse("canary.min_requests", f"min_requests must be 1 or more, not {canary.min_requests}")
