"""Filters of subscriptions: what is refused, which messages pass, and the notation of each cloud."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.messaging.message_filters import find_filter_faults, parse_filter

pytest.importorskip("pulumi_aws")
pytest.importorskip("pulumi_azure_native")

from semantest_iac.infrastructure.cloud_programs.aws.platform.messaging import build_filter_policy
from semantest_iac.infrastructure.cloud_programs.azure.platform.messaging import build_sql_filter

_NOTATIONS: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    ({}, {}, "1=1"),
    ({"kind": "a"}, {"kind": ["a"]}, "user.[kind] IN ('a')"),
    ({"kind": ("a", "it's")}, {"kind": ["a", "it's"]}, "user.[kind] IN ('a', 'it''s')"),
    ({"total": 5}, {"total": [{"numeric": ["=", 5]}]}, "user.[total] IN (5)"),
    ({"kind": {"not": ("a",)}}, {"kind": [{"anything-but": ["a"]}]}, "user.[kind] NOT IN ('a')"),
    ({"kind": {"prefix": "a_b%"}}, {"kind": [{"prefix": "a_b%"}]}, "user.[kind] LIKE 'a!_b!%%' ESCAPE '!'"),
    ({"total": {"min": 1}}, {"total": [{"numeric": [">=", 1]}]}, "user.[total] >= 1"),
    (
        {"total": {"min": 1, "max": 2.5}},
        {"total": [{"numeric": [">=", 1, "<=", 2.5]}]},
        "user.[total] >= 1 AND user.[total] <= 2.5",
    ),
    ({"kind": {"exists": False}}, {"kind": [{"exists": False}]}, "NOT EXISTS(user.[kind])"),
    (
        {"kind": "a", "area": {"exists": True}},
        {"kind": ["a"], "area": [{"exists": True}]},
        "EXISTS(user.[area]) AND user.[kind] IN ('a')",
    ),
)


class TestNotation:
    @pytest.mark.parametrize(("written", "policy", "sql"), _NOTATIONS, ids=[sql for *_, sql in _NOTATIONS])
    def test_is_that_of_each_cloud(self, written: dict[str, Any], policy: dict[str, Any], sql: str) -> None:
        parsed = parse_filter(written)

        assert list(find_filter_faults(written, "filter")) == []
        assert (build_filter_policy(parsed), build_sql_filter(parsed)) == (policy, sql)


class TestFilter:
    @pytest.mark.parametrize(
        ("written", "passing", "others"),
        [
            ({"kind": ("a", "b")}, [{"kind": "b"}], [{"kind": "c"}, {}]),
            ({"kind": {"not": "a"}}, [{"kind": "b"}], [{"kind": "a"}, {}]),
            ({"kind": {"prefix": "or"}}, [{"kind": "order"}], [{"kind": "door"}, {"kind": 5}, {}]),
            ({"total": {"min": 1, "max": 2}}, [{"total": 1}, {"total": 2.0}], [{"total": 3}, {"total": "1"}, {}]),
            ({"kind": {"exists": True}}, [{"kind": ""}], [{}]),
            ({"kind": {"exists": False}}, [{}], [{"kind": "a"}]),
            ({"kind": "a", "total": 1}, [{"kind": "a", "total": 1}], [{"kind": "a"}, {"total": 1}]),
        ],
    )
    def test_takes_what_meets_all_conditions(
        self, written: dict[str, Any], passing: list[dict[str, Any]], others: list[dict[str, Any]]
    ) -> None:
        accepts = parse_filter(written).accepts

        assert all(map(accepts, passing))
        assert not any(map(accepts, others))


class TestFaults:
    @pytest.mark.parametrize(
        ("written", "reason"),
        [
            ({"Kind": "a"}, "is not the name of an attribute"),
            ({"kind": True}, "a value is a text or a number"),
            ({"kind": ()}, "has 0 values"),
            ({"kind": {"min": 2, "max": 1}}, "min is above max"),
            ({"kind": {"min": "a"}}, "min and max are numbers"),
            ({"kind": {"like": "a"}}, "which is no condition"),
            ({"kind": {"prefix": ""}}, "prefix is a text"),
            ({"kind": {"exists": "yes"}}, "exists is true or false"),
            ({f"a{number}": "x" for number in range(6)}, "has 6 attributes"),
            ({"a": tuple("abcdefghijklm"), "b": tuple("abcdefghijklm")}, "has 169 combinations"),
            ({"total": 2_000_000_000}, "a value is a text or a number"),
        ],
    )
    def test_are_what_no_cloud_takes(self, written: dict[str, Any], reason: str) -> None:
        (fault,) = find_filter_faults(written, "filter")

        assert reason in fault.message
