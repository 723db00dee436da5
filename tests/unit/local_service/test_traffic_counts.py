"""The counts of requests to versions that share the traffic."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.local_service.traffic_counts import CallOutcome, TrafficCounts

REST = Stack("rest-api", "aws", "development", "us-east-1")


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(tmp_path: Path, clock: Clock) -> TrafficCounts:
    return TrafficCounts(tmp_path / "traffic", clock)


class TestTrafficCounts:
    async def test_another_process_reads_what_was_flushed(
        self, counts: TrafficCounts, clock: Clock, tmp_path: Path
    ) -> None:
        for number in range(40):
            counts.add(str(REST), CallOutcome(is_new=True, has_failed=number < 2, seconds=number / 1000))
        counts.add(str(REST), CallOutcome(is_new=False, has_failed=True, seconds=9))
        counts.flush()

        observed = await TrafficCounts(tmp_path / "traffic").observe(REST, moment(999))

        assert observed == TrafficObservation(40, 2, 37)

    async def test_leaves_out_what_was_before(self, counts: TrafficCounts, clock: Clock) -> None:
        counts.add(str(REST), CallOutcome(is_new=True, has_failed=True, seconds=1))
        counts.flush()
        clock.now = 2000
        counts.add(str(REST), CallOutcome(is_new=True, has_failed=False, seconds=0.5))
        counts.flush()

        assert await counts.observe(REST, moment(1500)) == TrafficObservation(1, 0, 500)

    async def test_without_requests_there_is_nothing(self, counts: TrafficCounts) -> None:
        counts.flush()

        assert await counts.observe(REST, moment(0)) == TrafficObservation()

    async def test_skips_lines_of_others(self, counts: TrafficCounts, tmp_path: Path) -> None:
        (tmp_path / "traffic").mkdir()
        (tmp_path / "traffic" / f"{REST}.log").write_text('not json\n{"new": true}\n[1]\n')
        counts.add(str(REST), CallOutcome(is_new=True, has_failed=False, seconds=0))
        counts.flush()

        assert await counts.observe(REST, moment(0)) == TrafficObservation(1, 0, 0)
