"""Shows running deployments as one tree that grows on the terminal, a branch for each stack, never over one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from semantest_iac.presentation.cli.deployment_views import STEP_SHOWN_AFTER_S, PlainView
from semantest_iac.presentation.cli.formatting import (
    OPERATION_DONE,
    OPERATION_MARKS,
    OPERATION_RUNNING,
    type_name_with_module,
)
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.styles import STYLES
from semantest_iac_events.deployments import DeploymentRequested

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

    from semantest_iac.application.operators.approvals import WaitingPlan
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ResourceProgress
    from semantest_iac.presentation.cli.formatting import DeploymentResult
    from semantest_iac_events.event import Event

REFRESHES_PER_SECOND = 12
_FRAMES, _ASCII_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_VERB_WIDTH = max(map(len, (*OPERATION_RUNNING.values(), *OPERATION_DONE.values())))
_FEWEST_LINES = 4
_FAILED, _RUNNING, _SETTLED = range(3)


@dataclass(slots=True)
class TreeRow:
    """A resource or step with its latest progress, and when it began."""

    progress: ResourceProgress
    began: float

    @property
    def importance(self) -> int:
        """0 for what failed, 1 for what is running, 2 for what has settled."""
        return {"failed": _FAILED, "running": _RUNNING}.get(self.progress.state, _SETTLED)


@dataclass(slots=True)
class StackBranch:
    """What is known of one stack's deployment; `label` is empty if there is no other stack."""

    label: str = ""
    cloud: str = ""
    rows: dict[str, TreeRow] = field(default_factory=dict)
    planned: int = 0
    outcome: str = ""
    began: float = field(default_factory=monotonic)
    ended: float | None = None

    def update(self, progress: ResourceProgress) -> None:
        """Take the latest progress of a resource or step; a step that ends soon leaves no row."""
        row = self.rows.setdefault(progress.urn, TreeRow(progress, monotonic()))
        row.progress = progress
        if progress.is_step and progress.state == "done" and progress.seconds < STEP_SHOWN_AFTER_S:
            del self.rows[progress.urn]

    def end(self, outcome: str) -> None:
        self.outcome, self.ended = outcome, monotonic()

    @property
    def shown_rows(self) -> list[TreeRow]:
        """The rows, without the settled ones of a stack that has ended beside others."""
        rows = list(self.rows.values())
        return [row for row in rows if row.importance == _FAILED] if self.label and self.ended else rows

    @property
    def activity(self) -> str:
        """The outcome, else how far the resources are, else the step that is running."""
        if self.outcome:
            return self.outcome
        settled = sum(not row.progress.is_step and row.importance == _SETTLED for row in self.rows.values())
        steps = [row.progress for row in self.rows.values() if row.progress.is_step and row.importance == _RUNNING]
        if self.planned and (settled or not steps):
            return f"{settled} of {self.planned}"
        return OPERATION_RUNNING[steps[-1].op] if steps else "starting" if not self.planned else ""

    @property
    def importance(self) -> int:
        """That of its most important row; a stack that has ended is settled."""
        rows = self.shown_rows
        return min((row.importance for row in rows), default=_SETTLED if self.ended else _RUNNING)


def share_lines(needs: Sequence[int], lines: int) -> list[int]:
    """Divide lines: nobody gets more than it needs, and nobody less than another that needs as much."""
    given = [0] * len(needs)
    while lines > 0 and given != list(needs):
        for index, need in enumerate(needs):
            if lines > 0 and given[index] < need:
                given[index] += 1
                lines -= 1
    return given


def choose_rows(rows: Sequence[TreeRow], lines: int) -> tuple[list[TreeRow], int]:
    """Return the rows for so many lines in their order, and how many are left out: first the longest settled ones.

    The line that counts those is one of the lines.
    """
    if len(rows) <= lines:
        return list(rows), 0
    order = sorted(range(len(rows)), key=lambda index: (rows[index].importance, -index))
    chosen = sorted(order[: max(0, lines - 1)])
    return [rows[index] for index in chosen], len(rows) - len(chosen)


class _TerminalFile:
    """The stdout of a terminal for rich: a terminal that is gone or takes nothing raises nothing."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.encoding = getattr(terminal.out, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        self._terminal.write(self._terminal.out, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the terminal writes at once."""

    def isatty(self) -> bool:
        return self._terminal.is_interactive

    def fileno(self) -> int:
        return self._terminal.out.fileno()


class _PatientLive(Live):
    """Leaves frames out while the terminal has not taken the last ones, as after Ctrl-S."""

    terminal: Terminal

    def refresh(self) -> None:
        if not self.terminal.is_behind:
            super().refresh()


class LiveDisplay:
    """The part of the terminal that moves; everything else that is printed meanwhile stays above it."""

    def __init__(self, terminal: Terminal, *, is_transient: bool = False) -> None:
        self.branches: list[StackBranch] = []
        self._terminal = terminal
        self._is_transient = is_transient
        self._console = Console(
            file=cast("TextIO", _TerminalFile(terminal)), highlight=False, markup=False, emoji=False
        )
        self._frames = _FRAMES if "utf" in self._console.encoding.lower() else _ASCII_FRAMES
        self._lock = RLock()
        self._live: Live | None = None
        self._is_paused = False
        self._printing: AbstractContextManager[None] | None = None

    def __enter__(self) -> Self:
        self._printing = self._terminal.print_through(self._print_above)
        self._printing.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop(is_erased=self._is_transient)
        if self._printing is not None:
            self._printing.__exit__(None, None, None)

    def add_branch(self, label: str = "", cloud: str = "") -> StackBranch:
        """Add the branch of one more stack."""
        self.branches.append(StackBranch(label, cloud))
        return self.branches[-1]

    def update(self, branch: StackBranch, progress: ResourceProgress) -> None:
        """Show progress; the first one starts the display. Called from any thread."""
        name = self._terminal.redact_text(progress.name)
        with self._lock:
            branch.update(progress if name == progress.name else replace(progress, name=name))
            if self._live is None and not self._is_paused:
                self._live = _PatientLive(
                    console=self._console, refresh_per_second=REFRESHES_PER_SECOND, get_renderable=self.render
                )
                self._live.terminal = self._terminal
                self._live.start()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Take the display away for the block; the next progress after it brings it back."""
        self._is_paused = True
        try:
            self._stop(is_erased=True)
            yield
        finally:
            self._is_paused = False

    def _stop(self, *, is_erased: bool) -> None:
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.transient = is_erased
            live.stop()

    def _print_above(self, stream: TextIO, text: str) -> None:
        if self._live is None or not stream.isatty():
            self._terminal.write(stream, text)
        else:
            self._console.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)

    def render(self) -> RenderableType:
        """Return the lines of all branches, at most those of one screen."""
        with self._lock:
            return Group(*self._render_lines())

    def _render_lines(self) -> Iterator[Text]:
        size, has_headers = self._console.size, any(branch.label for branch in self.branches)
        lines = max(size.height - 2, _FEWEST_LINES)
        branches = sorted(self.branches, key=lambda branch: branch.importance) if has_headers else self.branches
        left_out = max(0, len(branches) - lines + 1) if has_headers and len(branches) > lines else 0
        visible = [branch for branch in self.branches if branch in branches[: len(branches) - left_out]]
        headers = len(visible) + bool(left_out) if has_headers else 0
        rows = [branch.shown_rows for branch in visible]
        shares = share_lines([len(each) for each in rows], lines - headers)
        chosen = [choose_rows(each, share) for each, share in zip(rows, shares, strict=True)]
        widths = _subject_widths([row.progress for shown, _ in chosen for row in shown], size.width)
        for branch, (shown, hidden), share in zip(visible, chosen, shares, strict=True):
            if branch.label:
                yield self._render_header(branch, visible)
            yield from (self._render_row(row, widths) for row in shown)
            if hidden and share:
                yield _plain_line(f"  … {hidden} more")
        if left_out:
            yield _plain_line(f"… {left_out} more stacks")

    def _render_header(self, branch: StackBranch, all_branches: Sequence[StackBranch]) -> Text:
        label_width = max(len(each.label) for each in all_branches)
        cloud_width = max(len(each.cloud) for each in all_branches)
        activity_width = max(len(each.activity) for each in all_branches)
        seconds = (branch.ended or monotonic()) - branch.began
        return Text.assemble(
            (branch.label.ljust(label_width), "bold"),
            f"  {branch.cloud:<{cloud_width}}  ",
            (branch.activity.ljust(activity_width), STYLES.get(branch.outcome.replace(" ", "_"), "")),
            f"  {seconds:.1f} s",
            no_wrap=True,
            overflow="ellipsis",
        )

    def _render_row(self, row: TreeRow, widths: SubjectWidths) -> Text:
        progress, is_running = row.progress, row.importance == _RUNNING
        verbs = OPERATION_RUNNING if is_running else OPERATION_DONE
        verb = "failed" if row.importance == _FAILED else verbs[progress.op]
        style = STYLES.get("failed" if row.importance == _FAILED else progress.op, "")
        subject = shorten(format_subject(progress, widths.type), widths.subject)
        now = monotonic()
        frame = f"{self._frames[int(now * REFRESHES_PER_SECOND) % len(self._frames)]} " if is_running else "  "
        time = f"{now - row.began:.1f} s" if is_running else f"{progress.seconds:.2f} s"
        return Text.assemble(
            (f"  {OPERATION_MARKS[progress.op]} {verb:<{_VERB_WIDTH}}", style),
            f"  {subject:<{widths.subject}}  {frame}{time}",
            no_wrap=True,
            overflow="ellipsis",
        )


class LiveTreeView(PlainView):
    """One branch of the display. Beside others it prints its plan only if that does more than create resources."""

    def __init__(
        self, display: LiveDisplay, branch: StackBranch, terminal: Terminal, home_option: str, clouds: CloudDescriptions
    ) -> None:
        super().__init__(terminal, home_option, clouds, is_one_of_several=bool(branch.label))
        self._display = display
        self._branch = branch

    def on_event(self, event: Event) -> None:
        if not (self._branch.label and isinstance(event, DeploymentRequested)):  # the header names the stack
            super().on_event(event)

    def show_plan(self, plan: ChangePlan) -> None:
        self._branch.planned = len(plan.mutations)
        if not self._branch.label or any(change.op != "create" for change in plan.mutations):
            super().show_plan(plan)

    def operation_progressed(self, progress: ResourceProgress) -> None:
        self._display.update(self._branch, progress)

    def show_result(self, result: DeploymentResult) -> None:
        self._print_name_and_indent()
        super().show_result(result)

    def show_waiting(self, result: DeploymentResult, waiting: WaitingPlan, home_option: str) -> None:
        self._print_name_and_indent()
        super().show_waiting(result, waiting, home_option)

    def show_refusal(self, stack: str, error: DeploymentError) -> None:
        self._print_name_and_indent()
        super().show_refusal(stack, error)

    def _print_name_and_indent(self) -> None:
        """Print the name of one of several stacks above what is said of it, which is indented."""
        if self._branch.label:
            self._terminal.print_lines(self._branch.label)
            self._terminal = self._terminal.with_label("  ")

    def end(self, outcome: str) -> None:
        self._branch.end(outcome)

    def pause(self) -> AbstractContextManager[None]:
        return self._display.pause()


class SubjectWidths(NamedTuple):
    """The width of the column of types, and that of type and name together."""

    type: int
    subject: int


def format_subject(progress: ResourceProgress, type_width: int = 0) -> str:
    """Return the type and name of a resource, or the words for a step."""
    return (
        progress.name if progress.is_step else f"{type_name_with_module(progress.type):<{type_width}}  {progress.name}"
    )


def shorten(text: str, width: int) -> str:
    """Return the text, cut with an ellipsis if it is wider."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _subject_widths(shown: Sequence[ResourceProgress], columns: int) -> SubjectWidths:
    """Return the widths that the longest type and subject need, as far as verb and time leave room for them."""
    types = [len(type_name_with_module(progress.type)) for progress in shown if not progress.is_step]
    type_width = max(types, default=0)
    room = columns - _VERB_WIDTH - len("  + ") - 2 - len("  ⠋ 123.45 s")
    longest = max((len(format_subject(progress, type_width)) for progress in shown), default=0)
    return SubjectWidths(type_width, max(8, min(room, longest)))


def _plain_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")
