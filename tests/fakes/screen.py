"""A terminal in memory."""

from __future__ import annotations

import io


class Screen(io.TextIOWrapper):
    """A stream in memory that may be a terminal."""

    def __init__(self, *, watched: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._watched = watched

    def isatty(self) -> bool:
        """Whether a person is meant to be there."""
        return self._watched

    @property
    def text(self) -> str:
        """All that was written."""
        self.flush()
        content = self.buffer
        assert isinstance(content, io.BytesIO)
        return content.getvalue().decode()
