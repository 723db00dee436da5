"""The port that tells whether what is deployed of a stack can be seen from this machine."""

from __future__ import annotations

from collections.abc import Callable

RequireVisible = Callable[[str], None]
"""Raises RefusedError where what is deployed of the stack of that name cannot be seen from here."""


def take_for_visible(stack: str) -> None:
    """Take everything for visible, as real clouds are."""
