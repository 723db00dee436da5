"""What an engine has done, by the progress that it tells of."""

from __future__ import annotations

from semantest_iac.domain.ports.provisioner import Progress, Tick
from semantest_iac_events.values import ChangeCounts

_COUNTED = frozenset(ChangeCounts.model_fields)


class Tally:
    """Passes progress on, and remembers one operation for each resource; any thread may call it."""

    def __init__(self, progress: Progress) -> None:
        self.has_begun = False
        self._progress = progress
        self._done: dict[str, str] = {}

    def __call__(self, tick: Tick) -> None:
        """A replacement may be told of in parts: as what it is, and as the delete of what was there."""
        self.has_begun = True
        if tick.state == "done" and (tick.op == "replace" or tick.urn not in self._done):
            self._done[tick.urn] = tick.op
        self._progress(tick)

    @property
    def operations(self) -> list[str]:
        """Those on resources that have ended well; bringing code is none."""
        return [op for op in self._done.values() if op in _COUNTED]
