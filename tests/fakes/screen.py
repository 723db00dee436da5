"""A terminal in memory."""

from __future__ import annotations

import io


class Screen(io.TextIOWrapper):
    """A stream in memory, a terminal if it is watched."""

    def __init__(self, *, watched: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._watched = watched

    def isatty(self) -> bool:
        return self._watched

    @property
    def text(self) -> str:
        self.flush()
        content = self.buffer
        assert isinstance(content, io.BytesIO)
        return content.getvalue().decode()
