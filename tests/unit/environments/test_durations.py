from __future__ import annotations

import pytest

from semantest_iac.domain.environments.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("6h", 21_600), ("7d", 604_800), ("0s", None), ("7", None), ("1w", None), ("", None)],
)
def test_parse_duration_reads_one_number_and_one_unit(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds
