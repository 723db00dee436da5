"""`events --follow` and `status --watch`, while others append; Ctrl-C comes when nothing more does."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy
from tests.fakes.screen import Screen

_OTHER = "rest-api.aws.development.eu-west-1"
_LEFT = {"endpoint": "https://one", "outputs": {"endpoint": "https://one"}}


class GrowingLedger(MemoryLedger):
    """Appends the next batch whenever somebody waits; Ctrl-C where there is no more."""

    def __init__(self, *coming: Sequence[tuple[str, NewEvent]]) -> None:
        super().__init__()
        self.coming = list(coming)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[Any]:
        yield self

    async def wait(self, timeout_s: float) -> None:
        if not self.coming:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        for stream, event in self.coming.pop(0):
            await self.append(stream, None, [event])


def _of(stack: str, events: Sequence[NewEvent]) -> list[tuple[str, NewEvent]]:
    return [(stack, event) for event in events]


@pytest.fixture
def growing(world: Any) -> GrowingLedger:
    """A deployment is under way; its rest comes in two batches, mixed with that of another stack."""
    one, other = a_deploy("d1", stack=STACK, **_LEFT), a_deploy("d2", stack=_OTHER, **_LEFT)
    ledger = GrowingLedger([*_of(STACK, one[2:4]), *_of(_OTHER, other)], _of(STACK, one[4:]))
    asyncio.run(ledger.append(STACK, 0, one[:2]))
    world.ledger, world.is_held = ledger, True
    return ledger


@pytest.mark.usefixtures("growing")
class TestEvents:
    def test_are_printed_as_they_come_until_ctrl_c(self, cli: Any) -> None:
        outcome = cli("events", "--follow", "--json")

        events = [json.loads(line) for line in outcome.out.splitlines()]
        assert (outcome.code, [event["sequence"] for event in events]) == (
            0,
            ["1", "2", "3", "5", "6", "7", "9", "11", "12", "14"],
        )

    def test_are_the_same_that_are_listed_afterwards(self, cli: Any, growing: GrowingLedger) -> None:
        followed = [json.loads(line) for line in cli("events", "-f", "--journal", "--json").out.splitlines()]

        assert followed == json.loads(cli("events", "--journal", "--json").out)

    def test_of_a_stack_are_selected(self, cli: Any) -> None:
        lines = cli("events", "--follow", "--region", "eu-west-1", "--json").out.splitlines()

        assert {json.loads(line)["subject"] for line in lines} == {_OTHER}
        assert len(lines) == 5

    def test_of_a_deployment_end_with_it(self, cli: Any, growing: GrowingLedger) -> None:
        growing.coming.append([])  # is not waited for

        lines = cli("events", "--follow", "--deployment", "d1").out.splitlines()

        assert [line.split()[0] for line in lines] == ["POSITION", "1", "2", "3", "12", "14"]
        assert growing.coming == [[]]

    def test_go_on_after_the_newest_of_a_limit(self, cli: Any) -> None:
        lines = cli("events", "--follow", "--limit", "1", "--stack", STACK, "--json").out.splitlines()

        assert [json.loads(line)["sequence"] for line in lines] == ["2", "3", "12", "14"]

    def test_have_columns_one_below_the_other(self, cli: Any) -> None:
        lines = cli("events", "--follow").out.splitlines()

        assert len({line.index("rest-api.") for line in lines[1:]}) <= 2  # a column grows with a longer type
        assert len(lines) == 11

    def test_refuse_a_limit_of_what_comes_after_a_position(self, cli: Any) -> None:
        outcome = cli("events", "--follow", "--after", "1", "--limit", "1")

        assert (outcome.code, "Leave one of them out" in outcome.err) == (2, True)

    def test_end_when_nobody_reads_them(self, make_application: Any, growing: GrowingLedger) -> None:
        class ClosedPipe(io.StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        for after, left in (("2", 1), ("0", 1)):  # the second has something to print before it follows
            code = run_cli(["events", "--follow", "--after", after], make_application, Terminal(ClosedPipe(), Screen()))

            assert (code, len(growing.coming)) == (0, left)


@pytest.mark.usefixtures("growing")
class TestStatus:
    def test_prints_each_row_that_changed(self, cli: Any) -> None:
        outcome = cli("status", "--watch", "--json")

        rows = [json.loads(line) for line in outcome.out.splitlines()]
        assert (outcome.code, [(row["stack"], row["state"]) for row in rows]) == (
            0,
            [(STACK, "validating"), (STACK, "in_progress"), (_OTHER, "completed"), (STACK, "completed")],
        )

    def test_prints_them_as_one_table(self, cli: Any) -> None:
        lines = cli("status", "--watch").out.splitlines()

        assert [line.split()[0] for line in lines] == ["STACK", STACK, STACK, _OTHER, STACK]
        assert lines[-1].endswith("https://one")

    def test_draws_the_whole_table_again_on_a_terminal(self, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "200")

        screens = cli("status", "--watch", watched=True).out.split("\x1b[H\x1b[J")[1:]

        last = screens[-1].splitlines()
        assert (len(screens), len(last), last[-1]) == (3, 4, "Press Ctrl-C to stop.")
        assert sum("completed" in line for line in last) == 2

    def test_notes_beside_the_table_what_was_interrupted(self, cli: Any, world: Any) -> None:
        world.is_held = False

        outcome = cli("status", "--watch", _OTHER.replace("eu-west-1", "us-east-1"))

        assert (outcome.out.count("interrupted"), outcome.err.count("Note: the process of the last deploy")) == (2, 2)

    def test_of_a_selection_ignores_other_stacks(self, cli: Any) -> None:
        lines = cli("status", _OTHER, "--watch", "--json").out.splitlines()

        assert [json.loads(line)["state"] for line in lines] == ["completed"]
