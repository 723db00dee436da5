"""The model of the campaign `gateway` finds one request too many and one too few, and accepts what a limit allows."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.campaigns.gateway_model import TOO_MANY, Exchange, Limit, find_limit_faults, find_wait_faults

WINDOW, BUCKET = Limit(10, 60, is_bucket=False), Limit(10, 60, is_bucket=True)
LIMITS = pytest.mark.parametrize("limit", [WINDOW, BUCKET], ids=["window", "bucket"])
LATENCY_S = 0.2  # less than the time between two requests, so that they are decided in order


def play(limit: Limit, seconds: float, seed: int = 1) -> list[Exchange]:
    """Return four requests a second and what an exact limit does with each, decided at a drawn moment in between."""
    draw, tokens, before = random.Random(seed), float(limit.calls), 0.0
    times: list[float] = []
    exchanges: list[Exchange] = []
    for number in range(int(seconds * 4)):
        sent = number / 4
        decided, answered = sent + draw.random() * LATENCY_S, sent + LATENCY_S
        tokens = min(limit.calls, tokens + (decided - before) * limit.rate)
        times, before = [it for it in times if it > decided - limit.seconds], decided
        passes = tokens >= 1 if limit.is_bucket else len(times) < limit.calls
        if passes:
            tokens -= 1
            times.append(decided)
        exchanges.append(Exchange(sent, answered, 200 if passes else TOO_MANY))
    return exchanges


def change(exchanges: Sequence[Exchange], status: int, to: int) -> list[Exchange]:
    """Give the last exchange with a status another one, as a gateway that is wrong by one would."""
    at = max(index for index, it in enumerate(exchanges) if it.status == status)
    return [replace(it, status=to) if index == at else it for index, it in enumerate(exchanges)]


@LIMITS
@pytest.mark.parametrize("seconds", [5, 30, 200])
@pytest.mark.parametrize("seed", range(5))
def test_what_the_limit_allows_has_no_fault(limit: Limit, seconds: float, seed: int) -> None:
    assert [*find_limit_faults("it", limit, play(limit, seconds, seed))] == []


@LIMITS
def test_one_too_many_is_found(limit: Limit) -> None:
    faults = [*find_limit_faults("it", limit, change(play(limit, 30), TOO_MANY, 200))]

    assert faults


@LIMITS
def test_one_too_few_is_found(limit: Limit) -> None:
    exchanges = play(limit, 30)
    first = next(index for index, it in enumerate(exchanges) if it.status == TOO_MANY)
    early = [*exchanges[: first - 1], replace(exchanges[first - 1], status=TOO_MANY), exchanges[first]]

    assert [*find_limit_faults("it", limit, early)]


@pytest.mark.parametrize(("off", "faults"), [(0, 0), (2, 1), (-2, 1)])
def test_another_time_to_wait_is_found(off: int, faults: int) -> None:
    exchanges = [replace(it, wait_s=math.ceil(60 - it.sent) + off) for it in play(WINDOW, 20)]

    assert len([*find_wait_faults("it", WINDOW, exchanges)]) == faults
