"""Observations of an interrupted and of an uninterrupted home are the same but for generated names."""

from __future__ import annotations

from typing import Any

import pytest

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

    def test_leaves_out_the_generation_after_a_destroy(self) -> None:
        now = _observe(stack={"generation": 2})

        assert list(compare_observations(now, _observe(), compare_generation=False)) == []
