"""Points are drawn by the seed alone, and from every kind."""

from __future__ import annotations

import pytest

from tests.campaigns.interruption_points import KINDS, Point, draw_points, list_points

_COUNTS = {"event": 3, "operation": 4, "write": 9}


class TestDrawPoints:
    def test_depends_on_the_seed_alone(self) -> None:
        assert draw_points(_COUNTS, 10, "a") == draw_points(_COUNTS, 10, "a") != draw_points(_COUNTS, 10, "b")

    def test_takes_one_of_each_kind_first(self) -> None:
        drawn = draw_points(_COUNTS, len(KINDS), "a")

        assert {(point.how, point.moment) for point in drawn} == {*KINDS}

    def test_draws_none_twice(self) -> None:
        points = [point for kind in list_points(_COUNTS) for point in kind]

        assert sorted(draw_points(_COUNTS, 99, "a")) == sorted(points)


class TestPoint:
    def test_is_read_as_it_is_written(self) -> None:
        assert str(Point.parse("kill:write:7")) == "kill:write:7"

    @pytest.mark.parametrize("text", ["terminate:write:1", "kill:write", "kill:write:first"])
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(ValueError):
            Point.parse(text)
