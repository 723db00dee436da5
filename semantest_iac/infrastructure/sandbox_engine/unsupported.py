"""How the sandbox says that it does not play a part of Pulumi."""

from __future__ import annotations


class UnsupportedError(Exception):
    """The program uses a part of Pulumi that the sandbox does not play; the message names it."""
