"""`cost`: what may be assumed, and that its answer is JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest


def _reject_constant(text: str) -> float:
    raise ValueError(text)


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        *[("--log-kb", value, 2) for value in ("nan", "inf", "1e308", "-1", "-inf")],
        *[("--requests", value, 2) for value in ("-1", "9" * 40, "1e6", "nan")],
        ("--log-kb", "0.5", 0),
        ("--requests", "1000000000000", 0),
    ],
)
def test_only_numbers_that_json_has_are_assumed(cli: Any, option: str, value: str, code: int) -> None:
    ended = cli("cost", "rest-api", option, value, "--json")

    assert ended.code == code, ended.err
    json.loads(ended.out, parse_constant=_reject_constant)
