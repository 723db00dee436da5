"""Staleness and the rate, as pure rules over what is remembered of a source."""

from __future__ import annotations

from random import Random

import pytest

from semantest_iac.application.intake.request_origin import sort_sequence
from semantest_iac.application.intake.source_rules import (
    count_accepted,
    count_refused,
    find_refusal_by_source,
    is_refusal_recorded,
    read_request_limit,
)
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal, SourceHistory, SourceOrder
from semantest_iac.domain.errors import ValidationError

NOW = 1_800_000_000.0
LIMIT = RequestLimit(3, 60.0)


def order(sequence: int | None = None, seconds: float | None = None) -> SourceOrder:
    """The order with a sequence, and a time so many seconds after now."""
    return SourceOrder(
        None if sequence is None else sort_sequence(str(sequence)), None if seconds is None else NOW + seconds
    )


def accept(*orders: SourceOrder, now: float = NOW + 1000) -> SourceHistory:
    history = SourceHistory()
    for number, one in enumerate(orders):
        history = count_accepted(f"d{number}", one, None, history, now)
    return history


def judge(one: SourceOrder | None, history: SourceHistory) -> RequestRefusal | None:
    return find_refusal_by_source("github", one, None, history, NOW + 1000)


STALE = {
    "an older sequence": (order(1), order(2)),
    "an older sequence with a newer time": (order(1, 90), order(2, 0)),
    "an older time": (order(None, 0), order(None, 5.1)),
    "an older time, where one has no sequence": (order(7, 0), order(None, 6)),
}
NOT_STALE = {
    "the first request": (order(1, 0), None),
    "a newer sequence with an older time": (order(2, 0), order(1, 90)),
    "a sequence with more digits": (order(10), order(9)),
    "an older time within the tolerance": (order(None, 0), order(None, 5)),
    "no order": (SourceOrder(), order(2, 0)),
    "a sequence and a time": (order(1), order(None, 90)),
    "a command": (None, order(2, 0)),
}


class TestStaleness:
    @pytest.mark.parametrize(("one", "newest"), STALE.values(), ids=STALE)
    def test_is_seen_by(self, one: SourceOrder, newest: SourceOrder) -> None:
        refusal = judge(one, accept(newest))

        assert refusal is not None
        assert (refusal.code, refusal.deployment, refusal.retry_at) == ("STALE_REQUEST", "d0", None)

    @pytest.mark.parametrize(("one", "newest"), NOT_STALE.values(), ids=NOT_STALE)
    def test_is_not_seen_in(self, one: SourceOrder | None, newest: SourceOrder | None) -> None:
        assert judge(one, accept(newest) if newest else SourceHistory()) is None

    def test_is_explained(self) -> None:
        refusals = [judge(order(41), accept(order(42))), judge(order(None, 0), accept(order(None, 60)))]

        assert [refusal.reason for refusal in refusals if refusal] == [
            "A newer request of 'github' was accepted before, as deployment 'd0': sequence 41 is before 42.",
            "A newer request of 'github' was accepted before, as deployment 'd0':"
            " 2027-01-15T08:00:00Z is before 2027-01-15T08:01:00Z.",
        ]

    def test_does_not_come_from_a_clock_that_is_ahead(self) -> None:
        history = accept(order(None, 90_000), now=NOW)

        assert judge(order(None, 1), history) is None

    @pytest.mark.parametrize("seed", range(20))
    def test_lets_the_newest_request_win_in_any_order(self, seed: int) -> None:
        history, accepted = SourceHistory(), []
        for number in Random(seed).sample(range(100), 100):
            if judge(order(number), history) is None:
                history = count_accepted(str(number), order(number), None, history, NOW)
                accepted.append(number)

        assert accepted == sorted(accepted)
        assert accepted[-1] == 99


class TestRate:
    def test_is_limited_until_the_window_has_passed(self) -> None:
        history = SourceHistory()
        for number in range(3):
            assert find_refusal_by_source("github", None, LIMIT, history, NOW + number) is None
            history = count_accepted(f"d{number}", None, LIMIT, history, NOW + number)

        refusal = find_refusal_by_source("github", None, LIMIT, history, NOW + 59)

        assert refusal is not None
        assert (refusal.code, refusal.retry_at) == ("RATE_LIMITED", NOW + 60)
        assert refusal.reason == "'github' has sent 3 requests for this stack within 60 s."
        assert refusal.hint == "Send it again after 2027-01-15T08:01:00Z. SEMANTEST_REQUEST_LIMIT changes the limit."
        assert find_refusal_by_source("github", None, LIMIT, history, NOW + 60) is None

    def test_is_counted_anew_after_the_clock_went_back(self) -> None:
        history = SourceHistory(window_start=NOW, accepted=3)

        assert find_refusal_by_source("github", None, LIMIT, history, NOW - 3600) is None

    def test_limits_the_answers_that_are_recorded(self) -> None:
        history, recorded = SourceHistory(), []
        for _ in range(5):
            recorded.append(is_refusal_recorded(LIMIT, history, NOW))
            history = count_refused(LIMIT, history, NOW)

        assert recorded == [True, True, True, False, False]
        assert is_refusal_recorded(LIMIT, history, NOW + 60)
        assert is_refusal_recorded(None, history, NOW)


class TestReadingALimit:
    @pytest.mark.parametrize(
        ("text", "limit"),
        [
            (None, RequestLimit(60, 60)),
            ("", RequestLimit(60, 60)),
            ("30", RequestLimit(30, 60)),
            ("5/3600", RequestLimit(5, 3600)),
            ("off", None),
        ],
    )
    def test_takes(self, text: str | None, limit: RequestLimit | None) -> None:
        assert read_request_limit(text) == limit

    @pytest.mark.parametrize("text", ["0", "-1", "5/0", "x", "5/60/2", "²", "1.5"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValidationError) as error:
            read_request_limit(text)

        [fault] = error.value.faults
        assert (fault.path, fault.hint) == ("SEMANTEST_REQUEST_LIMIT", "Write 60/60 (requests/seconds) or off.")
