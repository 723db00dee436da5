"""Shows a running deployment as a tree that grows on the terminal."""

from __future__ import annotations

from collections import defaultdict
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from semantest_iac.presentation.cli.deployment_views import PRINTED_EVENTS, PlainView
from semantest_iac.presentation.cli.formatting import OPERATION_MARKS, type_name_with_module
from semantest_iac.presentation.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ResourceProgress
    from semantest_iac_events.event import Event

REFRESHES_PER_SECOND = 12
OPERATION_STYLES = {
    "create": "green",
    "update": "yellow",
    "replace": "magenta",
    "delete": "red",
    "failed": "bold red",
}


class LiveTreeView(PlainView):
    """Groups resources under the component they belong to, each with its state and time; the last state stays."""

    def __init__(self, terminal: Terminal, home_option: str, clouds: CloudDescriptions) -> None:
        super().__init__(terminal, home_option, clouds)
        self._latest: dict[str, ResourceProgress] = {}  # by URN
        self._started: dict[str, float] = {}
        self._console = Console(file=terminal.out)
        self._live: Live | None = None

    def __exit__(self, *error: object) -> None:
        self._end_tree()

    def on_event(self, event: Event) -> None:
        if isinstance(event, PRINTED_EVENTS):  # lines and a tree that moves cannot share the terminal
            self._end_tree()
        super().on_event(event)

    def operation_progressed(self, progress: ResourceProgress) -> None:
        self._started.setdefault(progress.urn, monotonic())
        self._latest[progress.urn] = progress
        if self._live is None:
            self._live = Live(
                console=self._console, refresh_per_second=REFRESHES_PER_SECOND, get_renderable=self._build_tree
            )
            self._live.start()

    def _end_tree(self) -> None:
        """Leave the last state of the tree on the terminal; the next operation starts another tree."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._latest.clear()

    def _build_tree(self) -> RenderableType:
        groups: dict[str, list[ResourceProgress]] = defaultdict(list)
        for progress in list(self._latest.values()):
            groups[_parent_type_name(progress)].append(progress)
        tree = Tree("", hide_root=True)
        for parent, resources in groups.items():
            branch = tree.add(parent)
            for progress in resources:
                branch.add(self._build_row(progress))
        return tree

    def _build_row(self, progress: ResourceProgress) -> RenderableType:
        style = OPERATION_STYLES.get("failed" if progress.state == "failed" else progress.op, "")
        operation = f"{OPERATION_MARKS[progress.op]} {progress.op:<7}"
        text = Text.assemble((operation, style), f" {type_name_with_module(progress.type)} ", (progress.name, "bold"))
        if progress.state == "running":
            row = Table.grid(padding=(0, 1))
            row.add_row(text, Spinner("dots"), f"{monotonic() - self._started[progress.urn]:.1f} s")
            return row
        return text.append(f"  {progress.state} {progress.seconds:.2f} s", "dim")


def _parent_type_name(progress: ResourceProgress) -> str:
    """The type of the component that contains a resource, from the chain of types in its URN."""
    types = progress.urn.split("::")[2].split("$")
    return type_name_with_module(types[-2]) if len(types) > 1 else "stack"
