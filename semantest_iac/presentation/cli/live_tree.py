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

from semantest_iac.presentation.cli.deployment_views import PlainView
from semantest_iac.presentation.cli.formatting import OPERATION_MARKS, short_type_name
from semantest_iac.presentation.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ResourceProgress


REFRESHES_PER_SECOND = 12  # a second
OPERATION_STYLES = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red", "failed": "bold red"}


class LiveTreeView(PlainView):
    """Resources under the part they belong to, each with its state and time; the tree stays when it is done."""

    def __init__(self, terminal: Terminal, home_option: str, clouds: CloudDescriptions) -> None:
        super().__init__(terminal, home_option, clouds)
        self._ticks: dict[str, ResourceProgress] = {}
        self._began: dict[str, float] = {}
        console = Console(file=terminal.out)
        self._live = Live(console=console, refresh_per_second=REFRESHES_PER_SECOND, get_renderable=self._tree)

    def __exit__(self, *error: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def tick(self, tick: ResourceProgress) -> None:
        """Redrawn a few times a second, however many ticks there are."""
        self._began.setdefault(tick.urn, monotonic())
        self._ticks[tick.urn] = tick
        if not self._live.is_started:
            self._live.start()

    def _tree(self) -> RenderableType:
        groups: dict[str, list[ResourceProgress]] = defaultdict(list)
        for tick in list(self._ticks.values()):
            groups[_parent_type_name(tick)].append(tick)
        tree = Tree("", hide_root=True)
        for part, ticks in groups.items():
            branch = tree.add(part)
            for tick in ticks:
                branch.add(self._line(tick))
        return tree

    def _line(self, tick: ResourceProgress) -> RenderableType:
        style = OPERATION_STYLES["failed"] if tick.state == "failed" else OPERATION_STYLES.get(tick.op, "")
        text = Text.assemble(
            (f"{OPERATION_MARKS[tick.op]} {tick.op:<7}", style), f" {short_type_name(tick.type)} ", (tick.name, "bold")
        )
        if tick.state == "running":
            row = Table.grid(padding=(0, 1))
            row.add_row(text, Spinner("dots"), f"{monotonic() - self._began[tick.urn]:.1f} s")
            return row
        return text.append(f"  {tick.state} {tick.seconds:.2f} s", "dim")


def _parent_type_name(tick: ResourceProgress) -> str:
    """The component above a resource, from the chain of types in its URN."""
    types = tick.urn.split("::")[2].split("$")
    return short_type_name(types[-2]) if len(types) > 1 else "stack"
