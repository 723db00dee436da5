"""Observations of an interrupted and of an uninterrupted home are the same but for generated names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns.interrupted_home import order_resources
from tests.campaigns.interruption_runner import compare_observations


def _observe(**fields: Any) -> dict[str, Any]:
    return {
        "state": "completed",
        "cloud": [["api", "a1b2c3d4e5"]],
        "stack": {"generation": 1},
        "files": ["key"],
    } | fields


class TestCompareObservations:
    def test_ignores_generated_names_and_missing_files(self) -> None:
        now = _observe(cloud=[["api", "z9y8x7w6v5"]], files=[])

        assert list(compare_observations(now, _observe(), compare_generation=True)) == []

    def test_knows_the_ends_of_generated_ids_without_a_digit(self) -> None:
        now, before = (
            _observe(cloud=[f"vaults/v/secrets/first-{end}"], ids=[f"secrets/first-{end}"]) for end in ("afad", "cbbb")
        )

        assert list(compare_observations(now, before, compare_generation=True)) == []

    @pytest.mark.parametrize(
        ("field", "found"),
        [
            ({"state": "failed"}, ".state: 'failed' after the interruption, 'completed' without it"),
            ({"files": ["key", ".draft-1"]}, "left over: .draft-1"),
            ({"stack": {"generation": 2}}, ".stack.generation: 2 after the interruption, 1 without it"),
        ],
    )
    def test_names_each_difference(self, field: dict[str, Any], found: str) -> None:
        assert list(compare_observations(_observe(**field), _observe(), compare_generation=True)) == [found]

    def test_finds_missing_resources(self) -> None:
        [difference] = compare_observations(_observe(cloud=[]), _observe(), compare_generation=True)

        assert difference.startswith(".cloud: []")

    def test_takes_no_other_word_for_a_generated_name(self) -> None:
        now = _observe(state="cancelled", cloud=[["api", "id"]])

        differences = list(compare_observations(now, _observe(cloud=[["fun", "id"]]), compare_generation=True))

        assert [difference.partition(":")[0] for difference in differences] == [".cloud[0][0]", ".state"]

    def test_maps_generated_names_in_keys(self) -> None:
        now, before = (_observe(cloud=[[{f"/identities/{name}": {}}]]) for name in ("a1b2", "c3d4"))

        assert list(compare_observations(now, before, compare_generation=True)) == []

    def test_leaves_out_the_generation_after_a_destroy(self) -> None:
        now = _observe(stack={"generation": 2})

        assert list(compare_observations(now, _observe(), compare_generation=False)) == []


def _list_accounts(packages: str, table: str) -> list[list[Any]]:
    """Two accounts with generated names, of which the first one was made last, and what is in each of them."""
    accounts = [
        ["account", "", f"/accounts/{name}", "", {}, {"created": f"2026-11-20T00:00:{second}Z"}]
        for name, second in zip(sorted((packages, table)), ("02", "01"), strict=True)
    ]
    contents = [["container", packages], ["table", table]]
    rights = [
        ["right", "", f"/rights/{name[::-1]}", "", {"scope": f"/accounts/{name}"}, {}] for name in (packages, table)
    ]
    return [
        *sorted(rights),
        *accounts,
        *([type_, "", f"/accounts/{name}/{type_}s/one", "", {}, {}] for type_, name in contents),
    ]


class TestOrderResources:
    def test_tells_resources_apart_by_what_they_mention_and_what_mentions_them(self) -> None:
        now, before = _list_accounts("stack94a1db", "stacka0b0c0"), _list_accounts("stacke33337", "stack11d0d0")

        orders = [[row[2] for row in order_resources(rows) if row[0] in ("account", "right")] for rows in (now, before)]

        assert orders == [
            ["/accounts/stack94a1db", "/accounts/stacka0b0c0", "/rights/bd1a49kcats", "/rights/0c0b0akcats"],
            ["/accounts/stacke33337", "/accounts/stack11d0d0", "/rights/73333ekcats", "/rights/0d0d11kcats"],
        ]
