"""Running deployments as a live tree."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rich.console import Group
from rich.text import Text

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.ports.provisioner import ResourceProgress, step_progress
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.live_tree import (
    LiveDisplay,
    LiveTreeView,
    StackBranch,
    TreeRow,
    choose_rows,
    share_lines,
)
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.screen import Screen

_TYPE = "aws:sns/topic:Topic"
_ABOUT: dict[str, Any] = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "development",
    "region": "us-east-1",
}
_STACKS = ("rest-api.aws.development.us-east-1", "websocket.azure.development.eastus")


def _tick(name: str, state: str = "done") -> ResourceProgress:
    return ResourceProgress(f"urn:pulumi:s::p::{_TYPE}::{name}", _TYPE, name, "create", state, 0.5)


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


class Tree:
    """A display with a branch for each label, and what it shows at the moment."""

    def __init__(self, *labels: str) -> None:
        self.terminal = Terminal(Screen(watched=True), io.StringIO())
        self.display = LiveDisplay(self.terminal)
        self.views = [self._view(label) for label in labels or ("",)]

    def _view(self, label: str) -> LiveTreeView:
        branch = self.display.add_branch(label, "simulated" if label else "")
        return LiveTreeView(self.display, branch, self.terminal, "", CLOUD_ENTRIES)

    def show(self, *ticks: ResourceProgress, view: int = 0) -> None:
        for tick in ticks:
            self.display.branches[view].update(tick)

    @property
    def lines(self) -> list[str]:
        drawn = self.display.render()
        assert isinstance(drawn, Group)
        return [line.plain for line in drawn.renderables if isinstance(line, Text)]

    @property
    def printed(self) -> str:
        """What stays on the terminal."""
        assert isinstance(self.terminal.out, Screen)
        return self.terminal.out.text


@contextmanager
def _running(tree: Tree) -> Iterator[None]:
    with tree.display:
        yield


class TestOneStack:
    def test_shows_no_part_of_a_secret_in_a_subject(self) -> None:
        tree = Tree()
        tree.terminal.redact_with(Redactor(["correct-horse-battery-staple"]).redact)
        tree.display.update(tree.display.branches[0], _tick("x" * 30 + "correct-horse-battery-staple", "running"))

        shown = "".join(tree.lines)

        assert "***" in shown
        assert "correct" not in shown

    def test_has_a_line_for_each_resource_with_aligned_columns(self) -> None:
        tree = Tree()
        tree.show(_tick("alerts"), _tick("news", "failed"))

        assert tree.lines == [
            "  + created       sns.Topic  alerts    0.50 s",
            "  + failed        sns.Topic  news      0.50 s",
        ]

    def test_shows_for_how_long_an_operation_is_running(self) -> None:
        tree = Tree()
        tree.show(_tick("alerts", "running"))

        assert re.fullmatch(r"  \+ creating      sns\.Topic  alerts  . \d+\.\d s", tree.lines[0])

    def test_keeps_a_slow_step_and_drops_a_quick_one(self) -> None:
        tree = Tree()
        tree.show(*(step_progress("plan", "it", state, 0.1, key="a") for state in ("running", "done")))
        tree.show(*(step_progress("build", "npm run build", state, 3.0, key="b") for state in ("running", "done")))

        assert tree.lines == ["  > built         npm run build    3.00 s"]

    def test_never_exceeds_the_screen_and_keeps_failures(self) -> None:
        tree = Tree()
        tree.show(_tick("first", "failed"), *(_tick(f"t{number}") for number in range(40)), _tick("last", "running"))

        assert len(tree.lines) == 22
        assert "failed" in tree.lines[0]
        assert "last" in tree.lines[-2]
        assert tree.lines[-1] == "  … 21 more"
        assert all(len(line) <= 80 for line in tree.lines)

    def test_prints_lines_above_the_tree(self) -> None:
        tree = Tree()
        with _running(tree):
            tree.views[0].operation_progressed(_tick("alerts", "running"))
            tree.views[0].on_event(DeploymentRequested(**_ABOUT, configuration={}))
            tree.views[0].operation_progressed(_tick("alerts"))

        drawn = tree.printed
        assert drawn.index("simulated aws on this machine") < drawn.rindex("alerts")
        assert "created" in drawn

    def test_leaves_the_terminal_to_a_question(self) -> None:
        tree = Tree()
        with _running(tree), tree.views[0].pause():
            tree.views[0].operation_progressed(_tick("alerts"))
            during = tree.printed
        with _running(tree):
            tree.views[0].operation_progressed(_tick("news"))

        assert during == ""
        assert "alerts" in tree.printed

    def test_prints_nothing_without_operations(self) -> None:
        tree = Tree()
        with _running(tree):
            pass

        assert tree.printed == ""


class TestSeveralStacks:
    def test_have_a_branch_each_under_their_name(self) -> None:
        tree = Tree(*_STACKS)
        tree.views[0].show_plan(_planned("create"))
        tree.show(_tick("alerts"))
        tree.show(step_progress("package", "the code", "running"), view=1)

        starts = [
            "rest-api.aws.development.us-east-1  simulated  1 of 1     ",
            "  + created       sns.Topic  alerts    0.50 s",
            "websocket.azure.development.eastus  simulated  packaging  ",
            "  > packaging     the code           ",
        ]
        assert [line[: len(start)] for line, start in zip(tree.lines, starts, strict=True)] == starts
        assert tree.printed == ""  # the branch says it all

    def test_print_a_plan_that_does_more_than_create(self) -> None:
        tree = Tree(*_STACKS)
        tree.views[0].show_plan(_planned("delete"))

        assert "- delete" in tree.printed

    def test_collapse_when_they_have_ended_except_for_failures(self) -> None:
        tree = Tree(*_STACKS)
        for view, last in enumerate((_tick("news"), _tick("news", "failed"))):
            tree.show(_tick("alerts"), last, view=view)
            tree.views[view].end("completed" if not view else "rolled back")

        assert [line.split()[0] for line in tree.lines] == [_STACKS[0], _STACKS[1], "+"]
        assert "completed" in tree.lines[0]
        assert "news" in tree.lines[2]

    def test_of_more_lines_than_the_screen_are_counted(self) -> None:
        tree = Tree(*(f"rest-api.aws.development.r-{number}" for number in range(40)))
        tree.show(_tick("alerts", "failed"), view=39)

        assert len(tree.lines) <= 22
        assert any(line.startswith("rest-api.aws.development.r-39") for line in tree.lines)
        assert tree.lines[-1] == "… 19 more stacks"


def _planned(op: Any) -> ChangePlan:
    return ChangePlan((PlannedChange("u", _TYPE, "alerts", op),))


class TestShares:
    @pytest.mark.parametrize(
        ("needs", "lines", "shares"),
        [([3, 3], 10, [3, 3]), ([9, 9], 10, [5, 5]), ([1, 9, 0], 6, [1, 5, 0]), ([9], 0, [0])],
    )
    def test_are_equal_and_nobody_gets_more_than_needed(self, needs: list[int], lines: int, shares: list[int]) -> None:
        assert share_lines(needs, lines) == shares


class TestChosenRows:
    @pytest.mark.parametrize(
        ("lines", "names", "hidden"),
        [(4, ["a", "b", "c", "d"], 0), (3, ["b", "c"], 2), (2, ["b"], 3), (1, [], 4)],
    )
    def test_are_failures_then_running_then_the_latest(self, lines: int, names: list[str], hidden: int) -> None:
        states = {"a": "done", "b": "failed", "c": "running", "d": "done"}
        rows = [TreeRow(_tick(name, state), 0.0) for name, state in states.items()]

        shown, left_out = choose_rows(rows, lines)

        assert ([row.progress.name for row in shown], left_out) == (names, hidden)


class TestBranch:
    def test_counts_settled_resources_and_no_steps(self) -> None:
        branch = StackBranch("s", planned=3)
        for tick in (_tick("a"), _tick("b", "running"), step_progress("check", "x", "done", 2.0)):
            branch.update(tick)

        assert branch.activity == "1 of 3"
