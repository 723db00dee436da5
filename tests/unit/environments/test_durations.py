from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.domain.environments.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("6h", 21_600), ("7d", 604_800), ("0s", None), ("7", None), ("1w", None), ("", None)],
)
def test_parse_duration_reads_one_number_and_one_unit(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(1, 999_999))
def test_format_duration_writes_what_is_read_again(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
