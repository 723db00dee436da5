"""`logs` in a world whose functions printed what the test says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

STACK = "rest-api.aws.development.us-east-1"


def line(text: str, age: timedelta = timedelta()) -> dict[str, str]:
    return {"time": (datetime.now(UTC) - age).isoformat(timespec="milliseconds"), "text": text}


def texts(out: str) -> list[str]:
    return [shown.partition("  ")[2] for shown in out.splitlines()]


class TestLogs:
    def test_show_what_is_kept(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one"), line("two")]]

        outcome = cli("logs", "rest-api")

        assert (outcome.code, texts(outcome.out)) == (0, ["one", "two"])

    def test_are_empty_where_nothing_was_printed(self, cli: Any) -> None:
        assert cli("logs", "rest-api").out == ""

    @pytest.mark.parametrize("since", ["90s", "10m", "2h", "1d"])
    def test_begin_where_they_are_wanted(self, cli: Any, world: Any, since: str) -> None:
        world.printed[STACK] = [[line("old", timedelta(days=3)), line("new")]]

        assert texts(cli("logs", "rest-api", "--since", since).out) == ["new"]

    def test_may_begin_at_a_time(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[{"time": "2026-01-01T00:00:00+00:00", "text": "old"}, line("new")]]

        assert texts(cli("logs", "rest-api", "--since", "2026-01-02").out) == ["new"]

    def test_are_refused_for_no_time(self, cli: Any) -> None:
        assert cli("logs", "rest-api", "--since", "soon").code == 2

    def test_go_on_until_somebody_stops_them(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one")], [], [line("two")]]

        outcome = cli("logs", "rest-api", "-f")

        assert (outcome.code, texts(outcome.out)) == (0, ["one", "two"])

    def test_are_json_where_that_is_wanted(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one")]]

        assert json.loads(cli("logs", "rest-api", "--json").out)["text"] == "one"
